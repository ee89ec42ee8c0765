import { Column, Entity } from 'typeorm';
import { SealedRecordEntity } from '../records/record.entity.js';

export const LEAD_TYPES = ['buyer', 'seller', 'renter', 'investor'] as const;
export const LEAD_STATUSES = ['new', 'contacted', 'qualified', 'unqualified', 'converted', 'lost'] as const;

/** Personal fields: one sealed value. */
export interface LeadPersonal {
  readonly firstName: string;
  readonly lastName: string | null;
  readonly email: string | null;
  /** E.164. */
  readonly phone: string | null;
  readonly notes: string | null;
}

@Entity('leads')
export class Lead extends SealedRecordEntity {
  @Column({ type: 'text', name: 'lead_type' })
  leadType: (typeof LEAD_TYPES)[number];

  @Column({ type: 'text', name: 'lead_status' })
  leadStatus: (typeof LEAD_STATUSES)[number];

  @Column({ type: 'text', nullable: true })
  source: string | null;

  /** Minor units. */
  @Column({ type: 'bigint', name: 'budget_min', nullable: true })
  budgetMin: number | null;

  /** Minor units. */
  @Column({ type: 'bigint', name: 'budget_max', nullable: true })
  budgetMax: number | null;

  @Column({ type: 'text' })
  currency: string;

  @Column({ type: 'text', array: true })
  tags: string[];

  @Column({ type: 'uuid', name: 'converted_client_id', nullable: true })
  convertedClientId: string | null;

  @Column({ type: 'timestamptz', name: 'converted_at', nullable: true })
  convertedAt: string | null;
}
