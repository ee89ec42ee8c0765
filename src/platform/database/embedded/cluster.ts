import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Binaries } from './binaries.js';
import { recordClusterHome, type ClusterHome } from './cluster-home.js';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { readIfPresent, writePrivateFile } from './private-file.js';
import { runCommand } from './run-command.js';
import { handOver } from './server-account.js';

/** The superuser of the embedded server. */
export const SUPERUSER = 'postgres';

const SETTINGS_FILE = 'latchkey.conf';
const DRAFT_PREFIX = 'data.draft-';

/** The superuser's password, kept 0600 in the data directory; made when there is neither a password nor a cluster. */
export function openPassword(dataDir: string, home: ClusterHome): string {
  const path = join(dataDir, 'postgres-password');
  const kept = readIfPresent(path)?.trim();
  if (kept) return kept;
  if (existsSync(home.data))
    throw new EmbeddedPostgresError(
      `The password of the database in ${home.data} is missing: bring back ${path}, or move the database away.`,
    );
  const password = randomBytes(24).toString('base64url');
  writePrivateFile(path, `${password}\n`);
  return password;
}

/**
 * Whether the cluster outlived its data directory: somebody deleted the directory to begin anew,
 * and the cluster, which had to live outside it, is still there.
 */
export function isAbandoned(dataDir: string, home: ClusterHome): boolean {
  const traces = ['postgres-location', 'postgres-password'].map((name) => join(dataDir, name));
  return home.outside && existsSync(home.data) && !traces.some((trace) => existsSync(trace));
}

/** Moves an abandoned cluster aside; deleting data is left to people. Returns its new place. */
export function setAside(home: ClusterHome): string {
  const aside = `${home.data}.abandoned-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`;
  renameSync(home.data, aside);
  return aside;
}

/** Creates the cluster when there is none. A half-made one is never taken for a cluster: it is renamed when complete. */
export async function ensureCluster(
  dataDir: string,
  home: ClusterHome,
  binaries: Binaries,
  password: string,
): Promise<'created' | 'found'> {
  const isNew = !existsSync(home.data);
  if (isNew) await createCluster(home, binaries, password);
  recordClusterHome(dataDir, home);
  return isNew ? 'created' : 'found';
}

async function createCluster(home: ClusterHome, binaries: Binaries, password: string): Promise<void> {
  removeDrafts(home);
  const draft = join(home.path, `${DRAFT_PREFIX}${process.pid}`);
  const passwordFile = `${draft}.password`;
  try {
    mkdirSync(draft, { mode: 0o700 });
    if (home.account) handOver(draft, home.account);
    writePrivateFile(passwordFile, `${password}\n`, home.account);
    const { succeeded, summary } = await runCommand(binaries.initdb, initdbArguments(draft, passwordFile), {
      account: home.account,
      timeoutMs: 120_000,
    });
    if (!succeeded) throw new EmbeddedPostgresError(`initdb could not create the database: ${summary}`);
    appendFileSync(join(draft, 'postgresql.conf'), `\ninclude_if_exists = '${SETTINGS_FILE}'\n`);
    renameSync(draft, home.data);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    throw error;
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/** What a killed start left behind; its initdb may still be writing, so what does not go now goes next time. */
function removeDrafts(home: ClusterHome): void {
  for (const name of readdirSync(home.path).filter((entry) => entry.startsWith(DRAFT_PREFIX))) {
    try {
      rmSync(join(home.path, name), { recursive: true, force: true });
    } catch {
      continue;
    }
  }
}

function initdbArguments(data: string, passwordFile: string): string[] {
  // PostgreSQL's own locale: the same on every platform, and unlike C it knows upper and lower case beyond ASCII.
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const access = ['-U', SUPERUSER, `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
  return ['-D', data, ...access, ...locale, '--no-sync', '--no-instructions'];
}

/** The configuration file of a start; the caller's settings cannot open the server to the network. */
export function renderSettings(port: number, host: string, settings: Record<string, string>): string {
  const fixed = { listen_addresses: host, port: String(port), unix_socket_directories: '' };
  const all = { timezone: 'UTC', log_timezone: 'UTC', ...settings, ...fixed };
  return Object.entries(all)
    .map(([name, value]) => `${settingName(name)} = '${settingValue(name, value)}'\n`)
    .join('');
}

/** The settings the server was last started with. */
export function readSettings(home: ClusterHome): string | null {
  return readIfPresent(join(home.data, SETTINGS_FILE));
}

/** Puts the settings in place for the next start. */
export function writeSettings(home: ClusterHome, content: string): void {
  writePrivateFile(join(home.data, SETTINGS_FILE), content, home.account);
}

function settingName(name: string): string {
  if (/^[a-z_][a-z0-9_.]*$/i.test(name)) return name;
  throw new EmbeddedPostgresError(`Not the name of a PostgreSQL setting: ${JSON.stringify(name)}`);
}

function settingValue(name: string, value: string): string {
  if (/[\n\r\0]/.test(value))
    throw new EmbeddedPostgresError(`The PostgreSQL setting ${name} has a line break`);
  return value.replaceAll('\\', '\\\\').replaceAll("'", "''");
}
