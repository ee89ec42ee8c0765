import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Role } from '../../platform/context/principal.js';
import type { TeamRow } from '../../platform/database/table-rules.js';

/** An invitation as it is stored; its token is not. Archived when accepted or withdrawn. */
@Entity('invitations')
export class Invitation implements TeamRow {
  [column: string]: unknown;

  @PrimaryColumn({ type: 'uuid', name: 'team_id' })
  teamId: string;

  @PrimaryColumn({ type: 'uuid' })
  id: string;

  @Column({ type: 'text' })
  email: string;

  @Column({ type: 'text', name: 'email_key' })
  emailKey: string;

  @Column({ type: 'text' })
  role: Role;

  @Column({ type: 'bytea', name: 'token_hash' })
  tokenHash: Buffer;

  @Column({ type: 'uuid', name: 'invited_by', nullable: true })
  invitedBy: string | null;

  @Column({ type: 'timestamptz', name: 'expires_at' })
  expiresAt: string;

  @Column({ type: 'timestamptz', name: 'accepted_at', nullable: true })
  acceptedAt: string | null;

  @Column({ type: 'timestamptz', name: 'archived_at', nullable: true })
  archivedAt: string | null;

  @Column({ type: 'integer' })
  version: number;

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt: string;

  @Column({ type: 'timestamptz', name: 'updated_at' })
  updatedAt: string;
}

/** An invitation as the bearer of its token meets it, before a team is known. */
export interface OpenInvitation {
  readonly teamId: string;
  readonly id: string;
  readonly email: string;
  readonly emailKey: string;
  readonly role: Role;
  readonly expiresAt: string;
  readonly teamName: string;
  /** The account with this address, or null. */
  readonly account: {
    readonly userId: string;
    readonly twoFactor: boolean;
    readonly hasTeam: boolean;
  } | null;
}
