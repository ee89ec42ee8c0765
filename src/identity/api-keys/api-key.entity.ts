import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { TeamRow } from '../../platform/database/table-rules.js';

/** A key as it is stored; the key itself is not. */
@Entity('api_keys')
export class ApiKey implements TeamRow {
  [column: string]: unknown;

  @PrimaryColumn({ type: 'uuid', name: 'team_id' })
  teamId: string;

  @PrimaryColumn({ type: 'uuid' })
  id: string;

  @Column({ type: 'text', name: 'public_id' })
  publicId: string;

  @Column({ type: 'bytea', name: 'secret_hash' })
  secretHash: Buffer;

  @Column({ type: 'text' })
  name: string;

  @Column({ type: 'text' })
  environment: 'live' | 'test';

  @Column({ type: 'text' })
  prefix: string;

  @Column({ type: 'text', name: 'last_four' })
  lastFour: string;

  @Column({ type: 'uuid', name: 'created_by' })
  createdBy: string;

  @Column({ type: 'cidr', array: true, name: 'allowed_ips' })
  allowedIps: string[];

  @Column({ type: 'text', name: 'ip_mode' })
  ipMode: 'enforce' | 'observe';

  @Column({ type: 'integer', name: 'rate_limit_per_minute', nullable: true })
  rateLimitPerMinute: number | null;

  @Column({ type: 'timestamptz', name: 'expires_at' })
  expiresAt: string;

  @Column({ type: 'timestamptz', name: 'revoked_at', nullable: true })
  revokedAt: string | null;

  /** The key that takes over, once this one was rotated. */
  @Column({ type: 'uuid', name: 'replaced_by', nullable: true })
  replacedBy: string | null;

  /** No column: rows of `api_key_scopes`, which the repository reads and writes along. Sorted. */
  scopes: readonly string[];

  @Column({ type: 'timestamptz', name: 'archived_at', nullable: true })
  archivedAt: string | null;

  @Column({ type: 'integer' })
  version: number;

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt: string;

  @Column({ type: 'timestamptz', name: 'updated_at' })
  updatedAt: string;
}
