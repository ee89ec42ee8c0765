import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, loadConfig } from '../../platform/config/config.js';
import { openDatabase } from '../../platform/database/open-database.js';
import { setPlatformAdmin } from './platform-grant.js';

const USAGE = 'Usage: npm run platform:grant -- EMAIL [--revoke]';

const [email, flag] = process.argv.slice(2);
if (email === undefined || (flag !== undefined && flag !== '--revoke')) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  await run(email, flag === '--revoke' ? 'revoke' : 'grant');
}

async function run(address: string, action: 'grant' | 'revoke'): Promise<void> {
  const outcome = await withOwner(loadConfig(), (url) => setPlatformAdmin(url, address, action));
  if (outcome === 'unknown') {
    console.error(`There is no account with the e-mail address ${address}; register it first.`);
    process.exitCode = 1;
  } else {
    console.log(
      outcome === 'granted'
        ? `${address} is a platform admin now. Platform routes open once two-factor sign-in is on.`
        : `${address}: ${outcome}.`,
    );
  }
}

/** The owner's connection: the given one, that of the embedded server that runs, or of one started for the moment. */
async function withOwner<T>(config: Config, work: (ownerUrl: string) => Promise<T>): Promise<T> {
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
