import { Column, Entity } from 'typeorm';
import { RecordEntity } from '../records/record.entity.js';

export const LISTING_STATUSES = ['active', 'pending', 'sold', 'withdrawn'] as const;

@Entity('listings')
export class Listing extends RecordEntity {
  @Column({ type: 'text' })
  street: string;

  @Column({ type: 'text', nullable: true })
  city: string | null;

  @Column({ type: 'text', nullable: true })
  state: string | null;

  @Column({ type: 'text', name: 'postal_code', nullable: true })
  postalCode: string | null;

  @Column({ type: 'double precision', nullable: true })
  latitude: number | null;

  @Column({ type: 'double precision', nullable: true })
  longitude: number | null;

  /** Minor units. */
  @Column({ type: 'bigint', nullable: true })
  price: number | null;

  @Column({ type: 'text' })
  currency: string;

  @Column({ type: 'text', name: 'property_type', nullable: true })
  propertyType: string | null;

  @Column({ type: 'text' })
  status: (typeof LISTING_STATUSES)[number];

  @Column({ type: 'integer', nullable: true })
  bedrooms: number | null;

  /** In quarters, which binary fractions hold exactly. */
  @Column({ type: 'double precision', nullable: true })
  bathrooms: number | null;

  @Column({ type: 'integer', name: 'square_feet', nullable: true })
  squareFeet: number | null;

  @Column({ type: 'integer', name: 'lot_square_feet', nullable: true })
  lotSquareFeet: number | null;

  @Column({ type: 'integer', name: 'year_built', nullable: true })
  yearBuilt: number | null;

  @Column({ type: 'timestamptz', name: 'listed_at', nullable: true })
  listedAt: string | null;

  @Column({ type: 'text', name: 'mls_number', nullable: true })
  mlsNumber: string | null;
}
