import { Column, Entity } from 'typeorm';
import { SealedRecordEntity } from '../records/record.entity.js';

export const ESCROW_STATUSES = ['open', 'contingent', 'cleared', 'closed', 'cancelled'] as const;
export type EscrowStatus = (typeof ESCROW_STATUSES)[number];

/** One thing that must be done before closing. */
export interface ChecklistItem {
  readonly label: string;
  readonly done: boolean;
  /** ISO 8601, or null. */
  readonly dueAt: string | null;
}

/** Free text that may name people: one sealed value. */
export interface EscrowPersonal {
  readonly checklist: readonly ChecklistItem[];
}

@Entity('escrows')
export class Escrow extends SealedRecordEntity {
  @Column({ type: 'uuid', name: 'listing_id', nullable: true })
  listingId: string | null;

  @Column({ type: 'uuid', name: 'client_id', nullable: true })
  clientId: string | null;

  @Column({ type: 'text', name: 'escrow_number' })
  escrowNumber: string;

  @Column({ type: 'text' })
  status: EscrowStatus;

  /** Minor units. */
  @Column({ type: 'bigint', name: 'purchase_price', nullable: true })
  purchasePrice: number | null;

  @Column({ type: 'text' })
  currency: string;

  @Column({ type: 'timestamptz', name: 'opened_at', nullable: true })
  openedAt: string | null;

  @Column({ type: 'timestamptz', name: 'closes_at', nullable: true })
  closesAt: string | null;

  @Column({ type: 'timestamptz', name: 'closed_at', nullable: true })
  closedAt: string | null;
}
