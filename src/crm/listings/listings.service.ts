import { Injectable } from '@nestjs/common';
import type { Bound } from '../../platform/database/list-query.js';
import { searchWords } from '../../vault/personal-data/person-terms.js';
import { RecordService, refuse } from '../records/record.service.js';
import { RecordTools } from '../records/record-tools.js';
import { CreateListingDto } from './dto/create-listing.dto.js';
import { UpdateListingDto } from './dto/update-listing.dto.js';
import type { ListListingsDto } from './dto/list-listings.dto.js';
import type { ListingView } from './dto/listing.view.js';
import type { Listing } from './listing.entity.js';
import { ListingsRepository } from './listings.repository.js';

/** The rules of listings. */
@Injectable()
export class ListingsService extends RecordService<
  Listing,
  Record<string, never>,
  ListingView,
  CreateListingDto,
  ListListingsDto
> {
  constructor(listings: ListingsRepository, tools: RecordTools) {
    super(
      listings,
      {
        resource: 'listings',
        bodies: { create: CreateListingDto, update: UpdateListingDto },
        masking: null,
        defaults: { status: 'active', currency: 'USD' },
        filters: ['status', 'propertyType', 'city', 'state', 'postalCode', 'mlsNumber', 'ownerId'],
        narrow: (_context, query) => ({ terms: termsOf(query.q), bounds: priceBounds(query) }),
      },
      tools,
    );
  }
}

function termsOf(q: string | undefined): string[] {
  if (q === undefined) return [];
  const terms = searchWords('listings.word', q);
  return terms.length > 0 ? terms : refuse('q', 'has a word or a number');
}

function priceBounds({ minPrice, maxPrice }: ListListingsDto): Bound[] {
  return [
    ...(minPrice === undefined
      ? []
      : [{ property: 'price', compare: '>=', value: String(minPrice) } as const]),
    ...(maxPrice === undefined
      ? []
      : [{ property: 'price', compare: '<=', value: String(maxPrice) } as const]),
  ];
}
