import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/config.js';
import { openDatabase } from './open-database.js';

/**
 * Gives a command the owner's connection URL: the given one, that of the embedded server that runs, or of one
 * started for the moment.
 */
export async function withOwner<T>(config: Config, work: (ownerUrl: string) => Promise<T>): Promise<T> {
  if (config.databaseUrl === null) {
    const running = runningEmbedded(config.dataDir);
    if (running !== null) {
      try {
        return await work(running);
      } catch (error) {
        if ((error as { code?: string }).code !== 'ECONNREFUSED') throw error;
      }
    }
  }
  const database = await openDatabase(config, () => undefined);
  try {
    return await work(database.address.ownerUrl);
  } finally {
    await database.stop();
  }
}

function runningEmbedded(dataDir: string): string | null {
  const [port, password] = ['postgres-port', 'postgres-accounts'].map((name) => join(dataDir, name));
  if (!existsSync(port) || !existsSync(password)) return null;
  return `postgres://latchkey_owner:${textOf(password)}@127.0.0.1:${textOf(port)}/latchkey`;
}

function textOf(file: string): string {
  return readFileSync(file, 'utf8').trim();
}
