import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/database/database.js';
import { invalidate } from '../../platform/database/invalidations.js';
import type { Statement } from '../../platform/database/statement.js';

/** A person in the team they act in: the scope of every statement here. */
export interface Person {
  readonly teamId: string;
  readonly userId: string;
}

/** What is stored of a person's second factor. */
export interface StoredFactor {
  readonly enabled: boolean;
  readonly email: string;
  readonly sealed: Buffer;
  readonly masterKeyId: string;
  /** The latest time step whose code was used. */
  readonly lastStep: number;
  readonly backupCodesLeft: number;
}

/** Second factors in the database. A claim is a conditional write: a unit of work that meets no row starts again. */
@Injectable()
export class TwoFactorStore {
  constructor(private readonly database: Database) {}

  /** The second factor of a person, confirmed or still being set up; null without one. */
  async find({ teamId, userId }: Person): Promise<StoredFactor | null> {
    const [result] = await this.database.runIn({ teamId, userId }, [
      {
        name: 'two-factor:find',
        text: `SELECT f.sealed, f.master_key_id, f.last_step, u.email, u.two_factor_enabled_at,
            (SELECT count(*) FROM two_factor_backup_codes b WHERE b.user_id = f.user_id) AS backup_codes_left
          FROM two_factor_secrets f JOIN users u ON u.id = f.user_id WHERE f.user_id = $1`,
        values: [userId],
      },
    ]);
    const row = result?.rows[0];
    if (!row) return null;
    return {
      enabled: row.two_factor_enabled_at !== null,
      email: row.email as string,
      sealed: row.sealed as Buffer,
      masterKeyId: row.master_key_id as string,
      lastStep: row.last_step as number,
      backupCodesLeft: row.backup_codes_left as number,
    };
  }

  /** A new secret in place of an unconfirmed one; never in place of one that is in use. */
  begin(userId: string, sealed: Buffer, masterKeyId: string): Statement {
    return expectWritten(
      'two-factor:begin',
      [userId, sealed, masterKeyId],
      `
      INSERT INTO two_factor_secrets AS f (user_id, sealed, master_key_id)
      SELECT $1, $2, $3 FROM users WHERE id = $1 AND two_factor_enabled_at IS NULL
      ON CONFLICT (user_id) DO UPDATE SET sealed = excluded.sealed, master_key_id = excluded.master_key_id,
        last_step = 0, created_at = now()`,
    );
  }

  /** Uses up the code of a time step, and with it all earlier ones, of exactly the secret that was looked at. */
  claimStep(userId: string, sealed: Buffer, step: number): Statement {
    return expectWritten(
      'two-factor:claim-step',
      [userId, sealed, step],
      `
      UPDATE two_factor_secrets SET last_step = $3 WHERE user_id = $1 AND sealed = $2 AND last_step < $3`,
    );
  }

  /** Uses up a backup code. */
  claimBackupCode(userId: string, hash: Buffer): Statement {
    return expectWritten(
      'two-factor:claim-backup-code',
      [userId, hash],
      `
      DELETE FROM two_factor_backup_codes WHERE user_id = $1 AND code_hash = $2`,
    );
  }

  /** Whether this backup code is still unused. */
  async hasBackupCode({ teamId, userId }: Person, hash: Buffer): Promise<boolean> {
    const [result] = await this.database.runIn({ teamId, userId }, [
      {
        name: 'two-factor:has-backup-code',
        text: 'SELECT FROM two_factor_backup_codes WHERE user_id = $1 AND code_hash = $2',
        values: [userId, hash],
      },
    ]);
    return (result?.rowCount ?? 0) > 0;
  }

  /** The same secret under the current master key. */
  reseal(userId: string, before: Buffer, after: Buffer, masterKeyId: string): Statement {
    return {
      name: 'two-factor:reseal',
      text: 'UPDATE two_factor_secrets SET sealed = $3, master_key_id = $4 WHERE user_id = $1 AND sealed = $2',
      values: [userId, before, after, masterKeyId],
    };
  }

  turnOn(userId: string): Statement[] {
    return [
      expectWritten(
        'two-factor:turn-on',
        [userId],
        `
        UPDATE users SET two_factor_enabled_at = now(), updated_at = now() WHERE id = $1 AND two_factor_enabled_at IS NULL`,
      ),
      invalidate(`user:${userId}`),
    ];
  }

  /** The backup codes go with the secret. */
  turnOff(userId: string): Statement[] {
    return [
      expectWritten(
        'two-factor:turn-off',
        [userId],
        `
        UPDATE users SET two_factor_enabled_at = NULL, updated_at = now() WHERE id = $1 AND two_factor_enabled_at IS NOT NULL`,
      ),
      {
        name: 'two-factor:forget',
        text: 'DELETE FROM two_factor_secrets WHERE user_id = $1',
        values: [userId],
      },
      invalidate(`user:${userId}`),
    ];
  }

  replaceBackupCodes(userId: string, hashes: readonly Buffer[]): Statement[] {
    return [
      {
        name: 'two-factor:forget-backup-codes',
        text: 'DELETE FROM two_factor_backup_codes WHERE user_id = $1',
        values: [userId],
      },
      {
        name: 'two-factor:add-backup-codes',
        text: 'INSERT INTO two_factor_backup_codes (user_id, code_hash) SELECT $1, unnest($2::bytea[])',
        values: [userId, hashes],
      },
    ];
  }
}

function expectWritten(name: string, values: readonly unknown[], write: string): Statement {
  const text = `WITH w AS (${write} RETURNING 1) SELECT latchkey.expect_written((SELECT count(*) FROM w))`;
  return { name, text, values };
}
