import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { DatabaseUnavailableError } from '../../src/platform/database/database-errors.js';
import { Database } from '../../src/platform/database/database.js';
import { type Account, registerOwner } from '../harness/accounts.js';
import { eventually } from '../harness/eventually.js';
import { inAQuietMoment } from '../harness/quiet-moment.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const POOL_MAX = 4;
const SLOW_MS = 800;

async function until(ended: () => boolean, work: () => Promise<unknown>): Promise<void> {
  while (!ended()) await work();
}

/** What clients see when PostgreSQL goes away, or has no connection left (security.md, promises 2 and 3). */
describe('without the database', () => {
  let app: TestApp;
  let owner: Account;

  beforeAll(async () => {
    app = await startTestApp({ env: { DATABASE_POOL_MAX: String(POOL_MAX) } });
    owner = await registerOwner(app.http);
  });
  afterAll(() => app.close());

  it('every cut connection is a 503 at most, and whatever was acknowledged is there', async () => {
    const statuses = new Map<number, number>();
    const acknowledged: string[] = [];
    let ended = false;
    const add = async (): Promise<void> => {
      const answer = await owner.http.post('/v1/clients', { firstName: 'Under load' });
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      if (answer.status === 201) acknowledged.push(answer.json.data.id);
    };
    const load = Promise.all(Array.from({ length: 8 }, () => until(() => ended, add)));
    for (let cut = 0; cut < 10; cut++) {
      await app.database.sql(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'latchkey'`,
      );
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    ended = true;
    await load;
    expect([...statuses.keys()].filter((status) => ![201, 503].includes(status))).toEqual([]);
    const [{ found, audited }] = await app.database.sql(
      `SELECT count(*)::int AS found, count(a.id)::int AS audited FROM clients c
       LEFT JOIN audit_log a ON a.resource_id = c.id WHERE c.id = ANY ($1)`,
      [acknowledged],
    );
    expect({ found, audited }).toEqual({ found: acknowledged.length, audited: acknowledged.length });
    await eventually(async () => expect((await owner.http.get('/v1/clients')).status).toBe(200));
  });

  it('a connection that ends without a word under a statement is a 503, and the process stays', async () => {
    const proxy = await proxyTo(Number(new URL(app.database.appUrl).port), 0);
    const url = new URL(app.database.appUrl);
    url.port = String(proxy.port);
    const second = await startTestApp({
      database: { ...app.database, appUrl: url.toString() },
      env: { DATABASE_POOL_MAX: String(POOL_MAX) },
    });
    try {
      const database = second.app.get(Database);
      const sleeping = Array.from({ length: POOL_MAX }, () =>
        database.run([{ name: null, text: 'SELECT pg_sleep(9)', values: [] }]),
      );
      const failed = Promise.all(
        sleeping.map((statement) => expect(statement).rejects.toThrow(DatabaseUnavailableError)),
      );
      await eventually(async () => expect(await sleepers(app)).toBe(POOL_MAX));
      proxy.cut();
      await failed;
      const http = second.http.with({ authorization: `Bearer ${owner.accessToken}` });
      await eventually(async () => expect((await http.get('/v1/clients')).status).toBe(200));
    } finally {
      await second.close();
      proxy.close();
    }
  });

  it('a full pool is a 503 with Retry-After within 2.5 s, and no longer than it is full', () =>
    inAQuietMoment(async () => {
      const database = app.app.get(Database);
      const held = Array.from({ length: POOL_MAX }, () =>
        database.run([{ name: null, text: 'SELECT pg_sleep(4)', values: [] }]),
      );
      const startMs = Date.now();
      const [list, health] = await Promise.all([
        owner.http.get('/v1/clients'),
        app.http.get('/healthz').then((answer) => ({ answer, tookMs: Date.now() - startMs })),
      ]);
      const tookMs = Date.now() - startMs;
      await Promise.all(held);
      await eventually(async () => expect((await owner.http.get('/v1/clients')).status).toBe(200), 1000);
      expect([list.status, list.headers['retry-after']]).toEqual([503, '1']);
      expect(tookMs).toBeLessThan(2500);
      expect(health.answer.status).toBe(200);
      // It asks nothing of the pool: whatever does waits for 2 s. What it takes is measured by test/faults.
      expect(health.tookMs).toBeLessThan(1500);
    }));

  it('a value that cannot be sent fails its statement and gives the connection back', async () => {
    const database = app.app.get(Database);
    const broken = { name: null, text: 'SELECT $1::jsonb', values: [{ count: 1n }] };
    for (let n = 0; n < POOL_MAX + 1; n++) await expect(database.run([broken])).rejects.toThrow(/BigInt/);
    expect((await owner.http.get('/v1/clients')).status).toBe(200);
  });

  it('one listener stays when its connection is cut and the next one is slow', async () => {
    const proxy = await proxyTo(Number(new URL(app.database.appUrl).port), SLOW_MS);
    const url = new URL(app.database.appUrl);
    url.port = String(proxy.port);
    const second = await startTestApp({
      database: app.database,
      env: { DATABASE_DIRECT_URL: url.toString() },
    });
    try {
      proxy.cut();
      await eventually(() => expect(proxy.made()).toBeGreaterThan(1));
      await new Promise((resolve) => setTimeout(resolve, 2 * SLOW_MS));
      // The other one is the sealer of the audit log.
      await eventually(() => expect(proxy.open()).toBeLessThanOrEqual(2));
      expect(proxy.open()).toBeGreaterThan(0);
    } finally {
      await second.close();
      proxy.close();
    }
  });
});

async function sleepers(app: TestApp): Promise<number> {
  const [{ n }] = await app.database.sql(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE 'SELECT pg_sleep%'`,
  );
  return n;
}

/** Passes connections on to PostgreSQL, each after a while. */
async function proxyTo(target: number, delayMs: number) {
  const sockets = new Set<Socket>();
  let made = 0;
  const server = createServer((socket) => {
    made++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
    setTimeout(() => {
      const onward = connect(target, '127.0.0.1').on('error', () => undefined);
      socket.pipe(onward).pipe(socket);
      socket.on('close', () => onward.destroy());
    }, delayMs);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    made: () => made,
    open: () => sockets.size,
    cut: () => sockets.forEach((socket) => socket.destroy()),
    close: () => server.close(),
  };
}
