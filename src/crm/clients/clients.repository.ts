import { Injectable } from '@nestjs/common';
import { TeamRepository } from '../../platform/database/team.repository.js';
import { TeamStore } from '../../platform/database/team-store.js';
import { personTerms } from '../../vault/personal-data/person-terms.js';
import { CLIENT_AUDITED, CLIENT_PERSONAL } from './client.audit.js';
import { Client, type ClientPersonal } from './client.entity.js';

/** The clients of a team. */
@Injectable()
export class ClientsRepository extends TeamRepository<Client, ClientPersonal> {
  constructor(store: TeamStore) {
    super(store, Client, {
      resourceType: 'client',
      audited: CLIENT_AUDITED,
      erased: { tags: [] },
      personal: { fields: CLIENT_PERSONAL, terms: (person) => personTerms('clients', person) },
    });
  }
}
