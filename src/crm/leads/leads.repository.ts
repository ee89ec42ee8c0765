import { Injectable } from '@nestjs/common';
import { TeamRepository, TeamStore } from '../../platform/database/team.repository.js';
import { personTerms } from '../../vault/personal-data/person-terms.js';
import { LEAD_AUDITED, LEAD_PERSONAL } from './lead.audit.js';
import { Lead, type LeadPersonal } from './lead.entity.js';

/** The leads of a team. */
@Injectable()
export class LeadsRepository extends TeamRepository<Lead, LeadPersonal> {
  constructor(store: TeamStore) {
    super(store, Lead, {
      resourceType: 'lead',
      audited: LEAD_AUDITED,
      personal: { fields: LEAD_PERSONAL, terms: (person) => personTerms('leads', person) },
    });
  }
}
