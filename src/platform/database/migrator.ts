import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { ADVISORY_LOCK } from './advisory-locks.js';

/**
 * Brings the schema up to date as the owner. Two instances starting together migrate once: the second waits
 * for the lock and finds nothing left to do.
 * @returns names of the migrations that ran
 */
export async function migrate(
  ownerUrl: string,
  migrations: (new () => object)[] | string[],
): Promise<string[]> {
  const lock = new pg.Client({ connectionString: ownerUrl, connectionTimeoutMillis: 10_000 });
  await lock.connect();
  const source = new DataSource({
    type: 'postgres',
    driver: pg,
    url: ownerUrl,
    migrations: migrations as string[],
    logging: false,
  });
  try {
    await lock.query('SELECT pg_advisory_lock($1)', [ADVISORY_LOCK.migration]);
    await source.initialize();
    const done = await source.runMigrations({ transaction: 'each' });
    return done.map(({ name }) => name);
  } finally {
    if (source.isInitialized) await source.destroy();
    // Ending the session releases the lock.
    await lock.end();
  }
}

/** The migrations next to the compiled code. */
export function migrationFiles(): string[] {
  return [fileURLToPath(new URL('../../../migrations/*.js', import.meta.url))];
}
