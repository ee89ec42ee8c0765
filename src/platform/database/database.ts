import { Injectable } from '@nestjs/common';
import type pg from 'pg';
import { Batch } from './batch.js';
import { DatabaseUnavailableError, isConnectionFailure } from './database-errors.js';
import { GatheredReads } from './gathered-reads.js';
import type { Row, Statement, StatementResult, TenantScope } from './statement.js';
import type { Spans } from '../tracing/spans.js';

/** Runs statements on the application's pool. Nothing above this file sees a connection. */
@Injectable()
export class Database {
  private readonly reads = new GatheredReads((statements, connected) => this.send(statements, connected));

  /** @param spans null when no traces are made */
  constructor(
    private readonly pool: pg.Pool,
    private readonly spans: Spans | null = null,
  ) {
    surviveLostConnections(pool);
  }

  /** Connections of the pool, and how many requests wait for one. */
  get connections(): { readonly open: number; readonly idle: number; readonly waiting: number } {
    const { totalCount, idleCount, waitingCount } = this.pool;
    return { open: totalCount, idle: idleCount, waiting: waitingCount };
  }

  /**
   * A read of a record or two by their keys, made with `inTenant`. Those asked for in one turn of the event loop share a
   * round trip, so nothing that can take long belongs here: it would hold up its neighbours.
   */
  readQuick(statement: Statement): Promise<readonly Row[]> {
    if (this.spans === null) return this.reads.add(statement, null);
    return this.spans.statements([statement], (span) => this.reads.add(statement, span));
  }

  /**
   * Runs the statements in one round trip and one transaction.
   * @throws the driver's error with its `code`; {@link DatabaseUnavailableError} when there is no connection to be had.
   */
  run(statements: readonly Statement[]): Promise<readonly StatementResult[]> {
    if (this.spans === null) return this.send(statements, null);
    return this.spans.statements(statements, (span) =>
      this.send(statements, span && (() => span.connected())),
    );
  }

  private send(
    statements: readonly Statement[],
    connected: (() => void) | null,
  ): Promise<readonly StatementResult[]> {
    return new Promise((resolve, reject) => {
      this.pool.connect((error, client, release) => {
        if (error || !client) {
          reject(new DatabaseUnavailableError(error));
          return;
        }
        connected?.();
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

/**
 * A connection that ends under a statement fails the statement. Its client says so once more as an `error` event, which ends
 * the process when nobody listens; the pool listens to idle clients only.
 */
function surviveLostConnections(pool: pg.Pool): void {
  const guarded = new WeakSet<pg.PoolClient>();
  pool.on('acquire', (client) => {
    if (guarded.has(client)) return;
    guarded.add(client);
    client.on('error', () => undefined);
  });
}

/** As many as a record has unique values. */
const FEW_LOCKS = 4;

/** The statement that takes a running transaction into another tenant; its author takes it back afterwards. */
export function become(teamId: string): Statement {
  return { name: 'become', text: `SELECT set_config('app.team_id', $1, true)`, values: [teamId] };
}

/**
 * The statement that puts a transaction into a tenant, and into a unit of work when `unitId` is not empty;
 * the settings end with the transaction. `locks` are names of advisory locks, taken before anything is read.
 */
export function enter(scope: TenantScope, unitId: string, locks: readonly string[] = []): Statement {
  const settings = `set_config('app.team_id', $1, true), set_config('app.user_id', $2, true), set_config('app.unit_of_work', $3, true)`;
  const values = [scope.teamId, scope.userId ?? '', unitId];
  if (locks.length === 0) return { name: 'enter', text: `SELECT ${settings}`, values };
  if (locks.length <= FEW_LOCKS) {
    // One call each, made from left to right: an aggregate over an array costs more than the locks.
    const calls = locks.map((_, i) => `, pg_advisory_xact_lock(hashtextextended($${i + 4}, 0))`).join('');
    return {
      name: `enter:locked:${locks.length}`,
      text: `SELECT ${settings}${calls}`,
      values: [...values, ...locks],
    };
  }
  return {
    name: 'enter:locked',
    text: `SELECT ${settings}, (SELECT count(pg_advisory_xact_lock(hashtextextended(k, 0))) FROM unnest($4::text[]) k)`,
    values: [...values, locks],
  };
}
