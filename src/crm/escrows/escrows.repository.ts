import { Injectable } from '@nestjs/common';
import { TeamRepository } from '../../platform/database/team.repository.js';
import { TeamStore } from '../../platform/database/team-store.js';
import { ESCROW_AUDITED, ESCROW_PERSONAL } from './escrow.audit.js';
import { Escrow, type EscrowPersonal } from './escrow.entity.js';

/** The escrows of a team. */
@Injectable()
export class EscrowsRepository extends TeamRepository<Escrow, EscrowPersonal> {
  constructor(store: TeamStore) {
    super(store, Escrow, {
      resourceType: 'escrow',
      audited: ESCROW_AUDITED,
      personal: { fields: ESCROW_PERSONAL },
      terms: (escrow) => ({ unique: [`escrows.number|${escrow.escrowNumber}`], other: [] }),
      duplicate: 'An escrow with this number exists.',
      references: { listingId: 'listings', clientId: 'clients' },
    });
  }
}
