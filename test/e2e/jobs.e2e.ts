import { randomUUID } from 'node:crypto';
import { Injectable, Module } from '@nestjs/common';
import { Clock } from '../../src/platform/clock/clock.js';
import { Database } from '../../src/platform/database/database.js';
import type { Job, NewJob } from '../../src/platform/jobs/job.js';
import { Jobs } from '../../src/platform/jobs/jobs.service.js';
import { createTestDatabase, startTestApp, type TestApp, type TestDatabase } from '../harness/test-app.js';
import { eventually } from '../harness/eventually.js';

interface Note {
  readonly word: string;
  readonly email?: string;
}

/** What the handlers of one instance saw. */
@Injectable()
class Probe {
  readonly seen: Job<Note>[] = [];
  readonly ticks: number[] = [];
  refusals = 0;
  release: () => void = () => undefined;

  constructor(jobs: Jobs, clock: Clock) {
    jobs.handle<Note>('probe', async (job) => void this.seen.push(job));
    jobs.handle<Note>(
      'stubborn',
      async () => {
        this.refusals++;
        throw new Error('550 refused pat@example.com');
      },
      { retryLimit: 1, retryDelaySeconds: 1 },
    );
    jobs.handle('slow', () => new Promise<void>((resolve) => (this.release = resolve)), { concurrency: 1 });
    jobs.handle('stuck', () => new Promise<void>(() => undefined), { timeoutSeconds: 1, retryLimit: 0 });
    jobs.every('daily', 86_400, async () => void this.ticks.push(clock.nowMs()));
  }
}

@Module({ providers: [Probe] })
class ProbeModule {}

describe('jobs', () => {
  let database: TestDatabase;
  let app: TestApp;
  let probe: Probe;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = await startTestApp({ database, extra: [ProbeModule] });
    probe = app.app.get(Probe);
  });
  afterAll(async () => {
    await app.close();
    await database.drop();
  });

  const add = (job: NewJob, on = app) => on.app.get(Database).run([on.app.get(Jobs).enqueue(job)]);

  const denied = (text: string) =>
    expect(app.app.get(Database).run([{ name: null, text, values: [] }])).rejects.toThrow(
      'permission denied',
    );

  it('run soon after their commit, once, and leave nothing in the queue', async () => {
    const word = randomUUID();
    const started = Date.now();
    await add({ name: 'probe', data: { word } });
    await eventually(() => expect(probe.seen.filter(({ data }) => data.word === word)).toHaveLength(1));
    // Workers look once a second; a second try would come 15 s later.
    expect(Date.now() - started).toBeLessThan(12_000);
    await eventually(async () =>
      expect(await database.sql(`SELECT 1 FROM pgboss.job WHERE name = 'probe'`)).toHaveLength(0),
    );
  });

  it('do not exist when the transaction they belong to fails', async () => {
    const word = randomUUID();
    const failing = { name: null, text: 'SELECT 1/0', values: [] };
    const jobs = app.app.get(Jobs);
    await expect(
      app.app.get(Database).run([jobs.enqueue({ name: 'probe', data: { word } }), failing]),
    ).rejects.toThrow('division by zero');
    expect(await database.sql(`SELECT 1 FROM pgboss.job WHERE name = 'probe'`)).toHaveLength(0);
  });

  it('hold their data sealed in the table', async () => {
    const startAfter = new Date(Date.now() + 3_600_000);
    await add({ name: 'probe', data: { word: 'a-secret-token', email: 'pat@example.com' }, startAfter });
    const [row] = await database.sql(`SELECT data::text, singleton_key FROM pgboss.job WHERE name = 'probe'`);
    expect(row.data).toMatch(/^\{"sealed": "[A-Za-z0-9+/=]+"\}$/);
    expect(JSON.stringify(row)).not.toMatch(/token|pat@/);
    await database.sql(`DELETE FROM pgboss.job WHERE name = 'probe'`);
  });

  it('cannot be moved into another job by somebody who writes the table', async () => {
    const startAfter = new Date(Date.now() + 3_600_000);
    await add({ name: 'probe', data: { word: 'moved' }, startAfter });
    await database.sql(
      `UPDATE pgboss.job SET id = gen_random_uuid(), start_after = now() WHERE name = 'probe'`,
    );
    await eventually(async () => {
      const [row] = await database.sql(`SELECT output FROM pgboss.job WHERE name = 'probe'`);
      expect(row.output).toMatchObject({ type: 'IntegrityError' });
    });
    expect(probe.seen.map(({ data }) => data.word)).not.toContain('moved');
    await database.sql(`DELETE FROM pgboss.job WHERE name = 'probe'`);
  });

  it('are dropped while one with the same key waits', async () => {
    const startAfter = new Date(Date.now() + 3_600_000);
    for (const word of ['first', 'second']) {
      await add({ name: 'probe', data: { word }, startAfter, singletonKey: 'same' });
    }
    expect(await database.sql(`SELECT 1 FROM pgboss.job WHERE name = 'probe'`)).toHaveLength(1);
    await database.sql(`DELETE FROM pgboss.job WHERE name = 'probe'`);
  });

  it('are tried again after a failure, then kept as failed; the log holds no personal data', async () => {
    await add({ name: 'stubborn', data: { word: 'x', email: 'pat@example.com' } });
    await eventually(async () => {
      const rows = await database.sql(`SELECT state FROM pgboss.job WHERE name = 'stubborn'`);
      expect(rows).toEqual([{ state: 'failed' }]);
    });
    expect(probe.refusals).toBe(2);
    const [{ output }] = await database.sql(`SELECT output::text FROM pgboss.job WHERE name = 'stubborn'`);
    expect(app.logged()).toContain('"job":"stubborn"');
    expect(app.logged() + output).not.toContain('pat@example.com');
  });

  it('whose handler hangs are given up after their time', async () => {
    await add({ name: 'stuck', data: {} });
    await eventually(async () => {
      const [row] = await database.sql(`SELECT state, output FROM pgboss.job WHERE name = 'stuck'`);
      expect(row).toMatchObject({ state: 'failed', output: { code: 'timeout' } });
    });
  });

  it('must have been declared', () => {
    expect(() => app.app.get(Jobs).enqueue({ name: 'unknown', data: {} })).toThrow('no job "unknown"');
    expect(() => app.app.get(Jobs).handle('late', async () => undefined)).toThrow('too late');
  });

  it('can be queued by the application role, but no table made by it', async () => {
    await denied('CREATE TABLE pgboss.mine (id int)');
    await denied(`SELECT pgboss.delete_queue('probe')`);
    await denied('UPDATE pgboss.version SET version = 1');
  });

  it('that recur run once in a slot over two instances, and again when the clock has moved on', async () => {
    const second = await startTestApp({ database, extra: [ProbeModule] });
    try {
      const both = () => [...probe.ticks, ...second.app.get(Probe).ticks];
      await eventually(() => expect(both()).toHaveLength(1));
      const clocks = [app, second].map((instance) => instance.app.get(Clock));
      for (const clock of clocks)
        jest.spyOn(clock, 'nowMs').mockImplementation(() => Date.now() + 86_400_000);
      await eventually(() => expect(both()).toHaveLength(2));
      await eventually(async () =>
        expect(await database.sql(`SELECT state FROM pgboss.job WHERE name = 'daily'`)).toEqual([
          { state: 'completed' },
        ]),
      );
    } finally {
      jest.restoreAllMocks();
      await second.close();
    }
  });

  it('go on after the database has cut every connection', async () => {
    const cut = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND application_name LIKE 'latchkey%'`;
    await database.sql(cut, [database.name]);
    const word = randomUUID();
    await eventually(() => add({ name: 'probe', data: { word } }).then(() => undefined));
    await eventually(() => expect(probe.seen.some(({ data }) => data.word === word)).toBe(true));
  });

  it('are declared but not run by an instance that serves the API only', async () => {
    const apiOnly = await startTestApp({ env: { ROLE: 'api' }, extra: [ProbeModule] });
    try {
      await add({ name: 'probe', data: { word: 'waits' } }, apiOnly);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      expect(apiOnly.app.get(Probe).seen).toHaveLength(0);
      expect(await apiOnly.database.sql(`SELECT 1 FROM pgboss.job WHERE name = 'probe'`)).toHaveLength(1);
    } finally {
      await apiOnly.close();
    }
  });

  it('that run are finished before the process ends', async () => {
    const leaving = await startTestApp({ database, extra: [ProbeModule] });
    const leavingProbe = leaving.app.get(Probe);
    await app.app.get(Database).run([app.app.get(Jobs).enqueue({ name: 'slow', data: {} })]);
    await eventually(async () =>
      expect(
        await database.sql(`SELECT 1 FROM pgboss.job WHERE name = 'slow' AND state = 'active'`),
      ).toHaveLength(1),
    );
    const closed = leaving.close();
    setTimeout(() => [leavingProbe, probe].forEach(({ release }) => release()), 300);
    await closed;
    await eventually(async () =>
      expect(await database.sql(`SELECT 1 FROM pgboss.job WHERE name = 'slow'`)).toHaveLength(0),
    );
  });
});
