import { Column, PrimaryColumn } from 'typeorm';
import type { TeamRow } from '../../platform/database/table-rules.js';

/** The columns every CRM resource has. */
export abstract class RecordEntity implements TeamRow {
  [column: string]: unknown;

  @PrimaryColumn({ type: 'uuid', name: 'team_id' })
  teamId: string;

  @PrimaryColumn({ type: 'uuid' })
  id: string;

  /** The member of the team whose record it is, or null. */
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

/** The same with personal fields: one value in the column `sealed`, under the record's own data key. */
export abstract class SealedRecordEntity extends RecordEntity {
  @Column({ type: 'bytea' })
  sealed: Buffer;
}
