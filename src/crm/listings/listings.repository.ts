import { Injectable } from '@nestjs/common';
import { TeamRepository } from '../../platform/database/team.repository.js';
import { TeamStore } from '../../platform/database/team-store.js';
import { wordTerms } from '../../vault/personal-data/person-terms.js';
import { LISTING_AUDITED } from './listing.audit.js';
import { Listing } from './listing.entity.js';

/** The listings of a team. */
@Injectable()
export class ListingsRepository extends TeamRepository<Listing> {
  constructor(store: TeamStore) {
    super(store, Listing, {
      resourceType: 'listing',
      audited: LISTING_AUDITED,
      personal: null,
      terms: ({ street, city, postalCode, mlsNumber }) => ({
        unique: mlsNumber ? [`listings.mls|${mlsNumber}`] : [],
        other: wordTerms('listings.word', [street, city, postalCode, mlsNumber]),
      }),
      duplicate: 'A listing with this MLS number exists.',
    });
  }
}
