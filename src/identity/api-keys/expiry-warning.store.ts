import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Database, enter } from '../../platform/database/database.js';
import { isPgError, SQLSTATE } from '../../platform/database/database-errors.js';
import type { Statement } from '../../platform/database/statement.js';

export interface DueWarning {
  readonly teamId: string;
  readonly apiKeyId: string;
  readonly name: string;
  readonly prefix: string;
  readonly createdBy: string;
  readonly expiresAt: string;
  readonly daysBefore: number;
}

export interface Recipient {
  readonly email: string;
  readonly name: string;
  readonly teamName: string;
}

/** What is due, and the claims that make each warning happen once. */
@Injectable()
export class ExpiryWarningStore {
  constructor(private readonly database: Database) {}

  /** Of all teams, nearest end first. */
  async due(atIso: string, days: readonly number[], atMost: number): Promise<DueWarning[]> {
    const rows = await this.database.runOne({
      name: 'key-warnings:due',
      text: 'SELECT * FROM latchkey.due_key_warnings($1, $2, $3)',
      values: [atIso, days, atMost],
    });
    return rows.map((row) => ({
      teamId: row.team_id as string,
      apiKeyId: row.id as string,
      name: row.name as string,
      prefix: row.prefix as string,
      createdBy: row.created_by as string,
      expiresAt: row.expires_at as string,
      daysBefore: row.days_before as number,
    }));
  }

  /** The key's owner and the team's owners and admins, each once. */
  async recipients({ teamId, createdBy }: DueWarning): Promise<Recipient[]> {
    const [result] = await this.database.runIn({ teamId, userId: null }, [
      {
        name: 'key-warnings:recipients',
        text: `SELECT u.email, u.name, t.name AS team_name FROM memberships m
          JOIN users u ON u.id = m.user_id JOIN teams t ON t.id = m.team_id
          WHERE m.team_id = $1 AND (m.user_id = $2 OR m.role IN ('owner', 'admin')) AND u.disabled_at IS NULL`,
        values: [teamId, createdBy],
      },
    ]);
    return result.rows.map((row) => ({
      email: row.email as string,
      name: row.name as string,
      teamName: row.team_name as string,
    }));
  }

  /** Marks the warning and sends its mails in one transaction; false when another worker was first. */
  async claim(warning: DueWarning, atIso: string, mails: readonly Statement[]): Promise<boolean> {
    const { teamId, apiKeyId, expiresAt, daysBefore } = warning;
    const mark: Statement = {
      name: 'key-warnings:mark',
      text: `INSERT INTO api_key_expiry_warnings (team_id, api_key_id, expires_at, days_before, warned_at)
        VALUES ($1, $2, $3, $4, $5)`,
      values: [teamId, apiKeyId, expiresAt, daysBefore, atIso],
    };
    try {
      await this.database.run([enter({ teamId, userId: null }, randomUUID()), mark, ...mails]);
      return true;
    } catch (error) {
      if (isPgError(error) && error.code === SQLSTATE.uniqueViolation) return false;
      throw error;
    }
  }

  async forgetUseBefore(iso: string): Promise<void> {
    await this.database.runOne({
      name: 'key-usage:forget',
      text: 'SELECT latchkey.forget_key_use($1)',
      values: [iso],
    });
  }
}
