import { Injectable } from '@nestjs/common';
import type pg from 'pg';
import { Batch } from './batch.js';
import { DatabaseUnavailableError, isConnectionFailure } from './database-errors.js';
import type { Row, Statement, StatementResult, TenantScope } from './statement.js';

/** Runs statements on the application's pool. Nothing above this file sees a connection. */
@Injectable()
export class Database {
  constructor(private readonly pool: pg.Pool) {}

  /**
   * Runs the statements in one round trip and one transaction.
   * @throws the driver's error with its `code`; {@link DatabaseUnavailableError} when there is no connection to be had.
   */
  run(statements: readonly Statement[]): Promise<readonly StatementResult[]> {
    return new Promise((resolve, reject) => {
      this.pool.connect((error, client, release) => {
        if (error || !client) {
          reject(new DatabaseUnavailableError(error));
          return;
        }
        const batch = new Batch(statements, (failure, results) => {
          release(failure !== null && isConnectionFailure(failure) ? failure : undefined);
          if (failure) reject(isConnectionFailure(failure) ? new DatabaseUnavailableError(failure) : failure);
          else resolve(results ?? []);
        });
        client.query(batch as unknown as pg.Submittable);
      });
    });
  }

  /** One statement without a tenant: look-up functions and nothing else see rows here. */
  async runOne(statement: Statement): Promise<readonly Row[]> {
    const [result] = await this.run([statement]);
    return result.rows;
  }

  /** Statements inside a tenant, outside a unit of work: tables refuse writes, all but those of {@link enterUnit}. */
  async runIn(scope: TenantScope, statements: readonly Statement[]): Promise<readonly StatementResult[]> {
    return (await this.run([enter(scope, ''), ...statements])).slice(1);
  }
}

/** The statement that takes a running transaction into another tenant; its author takes it back afterwards. */
export function become(teamId: string): Statement {
  return { name: 'become', text: `SELECT set_config('app.team_id', $1, true)`, values: [teamId] };
}

/**
 * The statement that puts a transaction into a tenant, and into a unit of work when `unitId` is not empty;
 * the settings end with the transaction. `locks` are advisory locks, taken before anything is read.
 */
export function enter(scope: TenantScope, unitId: string, locks: readonly bigint[] = []): Statement {
  return {
    name: 'enter',
    text: `SELECT set_config('app.team_id', $1, true), set_config('app.user_id', $2, true), set_config('app.unit_of_work', $3, true),
      (SELECT count(pg_advisory_xact_lock(k)) FROM unnest($4::bigint[]) k)`,
    values: [scope.teamId, scope.userId ?? '', unitId, locks.length === 0 ? '{}' : `{${locks.join(',')}}`],
  };
}
