import { Column, Entity } from 'typeorm';
import { SealedRecordEntity } from '../records/record.entity.js';

export const CLIENT_TYPES = ['buyer', 'seller', 'investor', 'renter'] as const;
export const CLIENT_STATUSES = ['active', 'inactive'] as const;

/** Personal fields: one sealed value. */
export interface ClientPersonal {
  readonly firstName: string;
  readonly lastName: string | null;
  readonly email: string | null;
  /** E.164. */
  readonly phone: string | null;
  readonly address: string | null;
  readonly notes: string | null;
}

@Entity('clients')
export class Client extends SealedRecordEntity {
  @Column({ type: 'text' })
  type: (typeof CLIENT_TYPES)[number];

  @Column({ type: 'text' })
  status: (typeof CLIENT_STATUSES)[number];

  @Column({ type: 'text', array: true })
  tags: string[];
}
