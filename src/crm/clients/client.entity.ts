import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { OwnedRow } from '../records/record.service.js';

export const CLIENT_TYPES = ['buyer', 'seller', 'investor', 'renter'] as const;
export const CLIENT_STATUSES = ['active', 'inactive'] as const;

/** Personal fields: one sealed value in the column `sealed`. */
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
export class Client implements OwnedRow {
  [column: string]: unknown;

  @PrimaryColumn({ type: 'uuid', name: 'team_id' })
  teamId: string;

  @PrimaryColumn({ type: 'uuid' })
  id: string;

  /** {@link ClientPersonal}, sealed under the client's data key. */
  @Column({ type: 'bytea' })
  sealed: Buffer;

  @Column({ type: 'text' })
  type: (typeof CLIENT_TYPES)[number];

  @Column({ type: 'text' })
  status: (typeof CLIENT_STATUSES)[number];

  @Column({ type: 'text', array: true })
  tags: string[];

  @Column({ type: 'uuid', name: 'owner_id', nullable: true })
  ownerId: string | null;

  @Column({ type: 'integer' })
  version: number;

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt: string;

  @Column({ type: 'timestamptz', name: 'updated_at' })
  updatedAt: string;

  @Column({ type: 'timestamptz', name: 'archived_at', nullable: true })
  archivedAt: string | null;
}
