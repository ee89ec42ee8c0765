import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Tracing } from '../../src/platform/tracing/tracing.js';
import { registerOwner } from '../harness/accounts.js';
import { Commands } from '../harness/command.js';
import { eventually } from '../harness/eventually.js';
import { createTestDatabase, startTestApp, type TestApp } from '../harness/test-app.js';
import { accept, TraceCollector } from '../harness/trace-collector.js';

const FAILING = 'traces cannot be sent';
const RECOVERED = 'traces are sent again';
/** What a shutdown may spend on traces, and what it takes without. */
const SHUTDOWN_MS = 250 + 2500;

const count = (app: TestApp, text: string): number => app.logged().split(text).length - 1;

const running = new Set<TestApp>();
const collectors: TraceCollector[] = [];

async function start(endpoint: string): Promise<TestApp> {
  const app = await startTestApp({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } });
  running.add(app);
  return app;
}

async function listen(): Promise<TraceCollector> {
  const collector = await TraceCollector.listen();
  collectors.push(collector);
  return collector;
}

/** How long the end takes. */
async function closed(app: TestApp): Promise<number> {
  running.delete(app);
  const beganMs = performance.now();
  await app.close();
  return performance.now() - beganMs;
}

afterEach(async () => {
  for (const app of running) await closed(app);
  for (const collector of collectors.splice(0)) await collector.close();
});

/** Requests of many kinds, each answered as ever. */
async function use(app: TestApp): Promise<void> {
  const owner = await registerOwner(app.http);
  const made = await owner.http.post('/v1/clients', { firstName: 'Casey' });
  expect(made.status).toBe(201);
  for (let i = 0; i < 20; i++) {
    const beganMs = performance.now();
    const read = await owner.http.get(`/v1/clients/${made.json.data.id}`);
    expect(read.status).toBe(200);
    // The limit of an export is five seconds.
    expect(performance.now() - beganMs).toBeLessThan(2000);
  }
}

describe('a collector', () => {
  it('that is not there costs nobody an answer, one line of the log, and a bounded end', async () => {
    const gone = await TraceCollector.listen();
    const endpoint = gone.endpoint;
    await gone.close();
    const app = await start(endpoint);
    await use(app);
    await eventually(() => expect(count(app, FAILING)).toBe(1));
    await use(app);
    await sleep(7000);
    expect(count(app, FAILING)).toBe(1);
    expect(app.logged()).toContain('"failure":"ECONNREFUSED"');
    expect(app.logged()).not.toContain('127.0.0.1:');
    expect(await closed(app)).toBeLessThan(SHUTDOWN_MS);
  });

  it('that accepts and never answers neither', async () => {
    const silent = await listen();
    silent.answer = () => {};
    const app = await start(silent.endpoint);
    await use(app);
    await eventually(() => expect(silent.bytes.length).toBeGreaterThan(0));
    await use(app);
    await eventually(() => expect(count(app, FAILING)).toBe(1));
    expect(app.logged()).toContain('"failure":"TIMEOUT"');
    await use(app);
    expect(await closed(app)).toBeLessThan(SHUTDOWN_MS);
  });

  it('whose answers trickle in is cut off, and served again when it is well', async () => {
    const collector = await listen();
    let trickling = 0;
    collector.answer = (response) => {
      trickling++;
      response.writeHead(200, { 'content-type': 'application/json' }).write(' ');
      const timer = setInterval(() => response.write(' '), 500);
      response.on('close', () => {
        clearInterval(timer);
        trickling--;
      });
    };
    const app = await start(collector.endpoint);
    await use(app);
    await eventually(() => expect(trickling).toBe(1));
    await eventually(() => expect(count(app, FAILING)).toBe(1), 20_000);
    collector.answer = accept;
    await use(app);
    await eventually(() => expect(count(app, RECOVERED)).toBe(1), 20_000);
    expect(trickling).toBe(0);
    expect(await closed(app)).toBeLessThan(SHUTDOWN_MS);
  });

  it('that comes back is told what is new, and the log says so once', async () => {
    const collector = await listen();
    collector.answer = (response) => response.writeHead(401).end('a secret of the collector');
    const app = await start(collector.endpoint);
    await use(app);
    await eventually(() => expect(count(app, FAILING)).toBe(1));
    expect(app.logged()).toContain('"failure":"HTTP_401"');
    collector.answer = accept;
    await use(app);
    await eventually(() => expect(count(app, RECOVERED)).toBe(1));
    await use(app);
    await closed(app);
    expect([count(app, FAILING), count(app, RECOVERED)]).toEqual([1, 1]);
    expect(app.logged()).not.toContain('secret of the collector');
  });

  it('that takes nothing for long makes spans go, not memory', async () => {
    const collector = await listen();
    collector.answer = () => {};
    const app = await start(collector.endpoint);
    const tracing = app.app.get(Tracing);
    for (let n = 0; n < 20_000; n++)
      await tracing.job({ name: 'flood', id: String(n), attempt: 1 }, () => Promise.resolve());
    collector.answer = accept;
    const kept = (): number => collector.spans.filter(({ name }) => name === 'job flood').length;
    // What was under way is given up after five seconds; then comes the queue, batch by batch.
    await eventually(() => expect(kept()).toBeGreaterThan(0));
    await sleep(1500);
    await closed(app);
    expect(kept()).toBeLessThanOrEqual(2048 + 512);
  });

  it('has the last spans before the process ends', async () => {
    const collector = await listen();
    const app = await start(collector.endpoint);
    await app.http.get('/healthz', { headers: { 'x-request-id': 'the-last-one' } });
    await closed(app);
    expect(collector.spanOf('the-last-one').name).toBe('GET /healthz');
  });
});

/** Starts the compiled application, sends one request, and prints which packages of OpenTelemetry are in memory. */
const LOADED = `
import Module from 'node:module';
import { createApp } from './app.js';
import { loadConfig } from './platform/config/config.js';
import { DatabaseAddress } from './platform/database/database-address.js';
import { Log } from './platform/logging/log.js';
const config = loadConfig();
const address = new DatabaseAddress(process.env.APP_URL, process.env.APP_URL, null);
const app = await createApp({ config, address, log: new Log('error', process.stderr) });
await app.listen(0, '127.0.0.1');
const answer = await fetch(await app.getUrl() + '/healthz');
const files = Object.keys(Module._cache).flatMap((file) => /@opentelemetry.([^/]+)/.exec(file)?.[1] ?? []);
await app.close();
console.log(JSON.stringify({ status: answer.status, packages: [...new Set(files)].sort() }));
process.exit(0);
`;

describe('the libraries of OpenTelemetry', () => {
  let commands: Commands;
  let database: Awaited<ReturnType<typeof createTestDatabase>>;

  beforeAll(async () => {
    commands = new Commands();
    writeFileSync(commands.path('src/loaded.js'), LOADED);
    database = await createTestDatabase();
  });
  afterAll(async () => {
    commands.remove();
    await database.drop();
  });

  async function loaded(env: Record<string, string>): Promise<{ status: number; packages: string[] }> {
    const said = await commands.run('loaded.js', [], {
      NODE_ENV: 'test',
      ROLE: 'api',
      APP_URL: database.appUrl,
      ...env,
    });
    if (said.code !== 0) throw new Error(said.stderr);
    return JSON.parse(said.stdout.trim().split('\n').at(-1) ?? '');
  }

  it('are not loaded without the setting', async () => {
    // prom-client, which counts for METRICS_PORT, loads the interfaces for itself.
    expect(await loaded({})).toEqual({ status: 200, packages: ['api'] });
  });

  it('are with it, and send what happened', async () => {
    const collector = await listen();
    const { status, packages } = await loaded({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });
    expect(collector.spans.map(({ name }) => name)).toContain('GET /healthz');
    expect(status).toBe(200);
    expect(packages).toEqual(
      expect.arrayContaining(['context-async-hooks', 'otlp-exporter-base', 'sdk-trace']),
    );
  });
});
