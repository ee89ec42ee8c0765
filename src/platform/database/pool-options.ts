import type { Config } from '../config/config.js';

/** A request that waits longer than this for a connection is told to come back (503). */
const CONNECTION_TIMEOUT_MS = 2000;
const STATEMENT_TIMEOUT_MS = 10_000;

/** Bounds on everything: waiting for a connection, a statement, an idle transaction. */
export function poolOptions(config: Pick<Config, 'databasePoolMax'>) {
  return {
    max: config.databasePoolMax,
    connectionTimeoutMillis: CONNECTION_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'latchkey',
  };
}
