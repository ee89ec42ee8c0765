import { RecordView } from '../../records/record.views.js';

/** A property that the team sells or lets. */
export class ListingView extends RecordView {
  /** @example 12 Harbor Street */
  street: string;
  city: string | null;
  state: string | null;
  postalCode: string | null;
  latitude: number | null;
  longitude: number | null;
  /** Minor units of `currency`. */
  price: number | null;
  /** ISO 4217. */
  currency: string;
  propertyType: string | null;
  status: 'active' | 'pending' | 'sold' | 'withdrawn';
  bedrooms: number | null;
  /** In quarters. */
  bathrooms: number | null;
  squareFeet: number | null;
  lotSquareFeet: number | null;
  yearBuilt: number | null;
  /** ISO 8601. */
  listedAt: string | null;
  mlsNumber: string | null;
}
