import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { SMTPServer } from 'smtp-server';
import { Controller, Get, Injectable, Module, Param, StreamableFile } from '@nestjs/common';
import { Database } from '../../src/platform/database/database.js';
import { inTenant } from '../../src/platform/database/tenant-read.js';
import { Public } from '../../src/platform/http/route-metadata.js';
import { Jobs } from '../../src/platform/jobs/jobs.service.js';
import { Mailer } from '../../src/platform/mail/mailer.service.js';
import { OutboundHttp } from '../../src/platform/net/outbound-http.js';
import { OutboundGuard } from '../../src/platform/net/outbound-url.js';
import { type Account, createKey, freshAddress, registerOwner } from '../harness/accounts.js';
import { canary, found } from '../harness/canaries.js';
import { eventually } from '../harness/eventually.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';
import { KIND, type ReceivedSpan, TraceCollector } from '../harness/trace-collector.js';
import { WebhookServer } from '../harness/webhook-receiver.js';

const TRACE = 'a1'.repeat(16);
const CALLER = 'b2'.repeat(8);
const ROUNDS = 5;
const ERROR = 2;

/** Resolves for all of them when the last has come. */
class Meeting {
  private waiting: (() => void)[] = [];
  constructor(private readonly size: number) {}
  async arrive(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.waiting.push(resolve);
      if (this.waiting.length === this.size) for (const each of this.waiting.splice(0)) each();
    });
  }
}

@Injectable()
class Probe {
  readonly quickMeeting = new Meeting(2);
  webhook = '';

  constructor(
    private readonly jobs: Jobs,
    private readonly http: OutboundHttp,
    private readonly guard: OutboundGuard,
    readonly database: Database,
  ) {
    jobs.handle('probe-work', async () => void (await this.sleepInDatabase('in-job')));
    jobs.handle<{ value: string }>('probe-failing', ({ data }) => this.fail(data.value), { retryLimit: 0 });
    jobs.handle('probe-webhook', async () => void (await this.call()));
  }

  add(name: string, data: object = {}): Promise<unknown> {
    return this.database.run([this.jobs.enqueue({ name, data })]);
  }

  sleepInDatabase(name: string): Promise<unknown> {
    return this.database.runOne({ name: `probe:${name}`, text: 'SELECT pg_sleep(0.02)', values: [] });
  }

  /** PostgreSQL repeats the value in its message. */
  async fail(value: string): Promise<void> {
    await this.database.runOne({ name: 'probe:fail', text: 'SELECT current_setting($1)', values: [value] });
  }

  private call(): Promise<unknown> {
    const policy = this.guard.forTeams;
    return this.http.send({
      url: this.webhook,
      policy,
      method: 'POST',
      headers: {},
      body: Buffer.from('{}'),
    });
  }
}

@Controller('v1/probe')
class ProbeController {
  constructor(private readonly probe: Probe) {}

  /** Several statements with pauses, of a name of its own. */
  @Get('steps/:name')
  @Public('a throw-away route of this test')
  async steps(@Param('name') name: string): Promise<object> {
    for (let round = 0; round < ROUNDS; round++) {
      await this.probe.sleepInDatabase(name);
      await sleep(Math.random() * 5);
    }
    return {};
  }

  /** A quick read in the same turn of the event loop as that of another request. */
  @Get('quick/:name')
  @Public('a throw-away route of this test')
  async quick(@Param('name') name: string): Promise<object> {
    await this.probe.quickMeeting.arrive();
    const values = [randomUUID()];
    const text = inTenant('SELECT 1 AS one, x.team');
    await this.probe.database.readQuick({ name: `probe-quick:${name}`, text, values });
    return {};
  }

  /** Begins an answer that it cannot end. */
  @Get('broken')
  @Public('a throw-away route of this test')
  broken(): StreamableFile {
    return new StreamableFile(
      Readable.from(
        (async function* () {
          yield 'x'.repeat(100_000);
          await sleep(50);
          throw new Error('it ends here');
        })(),
      ),
    );
  }

  @Get('fail/:value')
  @Public('a throw-away route of this test')
  fail(@Param('value') value: string): Promise<void> {
    return this.probe.fail(value);
  }

  /** Never answers. */
  @Get('patience')
  @Public('a throw-away route of this test')
  wait(): Promise<object> {
    return new Promise(() => {});
  }
}
@Module({ controllers: [ProbeController], providers: [Probe] })
class ProbeModule {}

/** Set by whoever looks after other programs of this machine; none of them is a setting of ours. */
const FOREIGN = {
  OTEL_EXPORTER_OTLP_HEADERS: 'x-foreign=foreign-header',
  OTEL_SERVICE_NAME: 'foreign-service',
  OTEL_RESOURCE_ATTRIBUTES: 'foreign.key=foreign-attribute',
  OTEL_TRACES_SAMPLER: 'always_off',
  OTEL_SDK_DISABLED: 'true',
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:9/foreign',
};

let collector: TraceCollector;
let webhooks: WebhookServer;
let app: TestApp;
const smtp = new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS'],
  onData: (stream, _session, done) => void stream.on('end', () => done()).resume(),
});
let owner: Account;

beforeAll(async () => {
  Object.assign(process.env, FOREIGN);
  collector = await TraceCollector.listen();
  webhooks = await WebhookServer.listen('127.0.0.1');
  await new Promise<void>((resolve) => void smtp.listen(0, '127.0.0.1', resolve));
  app = await startTestApp({
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      DATABASE_POOL_MAX: '2',
      OUTBOUND_ALLOW_HTTP: 'true',
      SMTP_URL: `smtp://127.0.0.1:${(smtp.server.address() as AddressInfo).port}`,
      OUTBOUND_ALLOWED_RANGES: '127.0.0.1/32',
    },
    extra: [ProbeModule],
  });
  app.app.get(Probe).webhook = webhooks.url;
  owner = await registerOwner(app.http);
});
afterAll(async () => {
  await app.close();
  await collector.close();
  await webhooks.close();
  await new Promise<void>((resolve) => smtp.close(resolve));
  for (const name of Object.keys(FOREIGN)) delete process.env[name];
});

/** A request's span once it has arrived, and what it did in the database. */
async function traced(requestId: string): Promise<{ server: ReceivedSpan; children: ReceivedSpan[] }> {
  await eventually(() => void collector.spanOf(requestId));
  const server = collector.spanOf(requestId);
  return { server, children: collector.childrenOf(server) };
}

const get = (path: string, headers: Record<string, string> = {}, http = app.http) =>
  http.get(path, { headers });

/** Sends it under an id of its own, and waits for its trace. */
async function trace(send: (requestId: string) => Promise<unknown>) {
  const requestId = randomUUID();
  await send(requestId);
  return { requestId, ...(await traced(requestId)) };
}

/** The body comes when the head has long been handled. */
async function postSlowly(path: string, body: object, requestId: string): Promise<void> {
  const text = JSON.stringify(body);
  const headers = {
    authorization: `Bearer ${owner.accessToken}`,
    'content-type': 'application/json',
    'content-length': String(text.length),
    'x-request-id': requestId,
  };
  const options = { host: '127.0.0.1', port: app.port, method: 'POST', path, headers, agent: false as const };
  const sent = httpRequest(options);
  sent.flushHeaders();
  await sleep(100);
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
  sent.end(text);
  const [answer] = await answered;
  answer.resume();
  expect(answer.statusCode).toBe(201);
}

const lineOf = (requestId: string): any =>
  app
    .logged()
    .split('\n')
    .filter((line) => line.includes(requestId) && line.includes('"route"'))
    .map((line) => JSON.parse(line))[0];

describe('a request', () => {
  it('is one span with its database work below it, all of one trace', async () => {
    const { server, children } = await trace((id) =>
      owner.http.post('/v1/clients', { firstName: 'Casey' }, { headers: { 'x-request-id': id } }),
    );
    expect(server).toMatchObject({ name: 'POST /v1/clients', kind: KIND.server, parentSpanId: undefined });
    expect(server.attributes).toEqual({
      'http.request.method': 'POST',
      'http.route': '/v1/clients',
      'http.response.status_code': 201,
      'url.scheme': 'http',
      'latchkey.request_id': expect.any(String),
      'latchkey.team_id': owner.teamId,
    });
    expect(server.status.code ?? 0).toBe(0);
    const written = children.filter(({ name }) => name.includes('clients:insert'));
    expect(written).toHaveLength(1);
    expect(written[0]).toMatchObject({ kind: KIND.client });
    expect(written[0].attributes).toEqual({
      'db.system.name': 'postgresql',
      'db.query.summary': written[0].name,
      'db.operation.batch.size': expect.any(Number),
      'latchkey.db.wait_ms': expect.any(Number),
    });
    expect(written[0].attributes['db.operation.batch.size']).toBeGreaterThan(1);
    expect(written[0].name).toMatch(/^enter[\w:]* /);
  });

  it('has the pattern of its route for a name, or none', async () => {
    const made = await owner.http.post('/v1/clients', { firstName: 'Robin' });
    const { id } = made.json.data;
    const read = await trace((requestId) =>
      get(`/v1/clients/${id}`, { 'x-request-id': requestId }, owner.http),
    );
    expect(read.server.name).toBe('GET /v1/clients/:id');
    expect(read.children.map(({ name }) => name)).toEqual(['clients:get:live']);
    // One statement is no batch.
    expect(read.children[0].attributes).not.toHaveProperty('db.operation.batch.size');
    const lost = await trace((requestId) => get('/nowhere/at/all', { 'x-request-id': requestId }));
    expect(lost.server.name).toBe('GET');
    expect(lost.server.attributes).not.toHaveProperty('http.route');
    expect(lost.server.attributes['http.response.status_code']).toBe(404);
    expect(lost.server.attributes).not.toHaveProperty('error.type');
  });

  it('has the same trace in its log line, and the same request id in its span', async () => {
    const { requestId, server } = await trace((id) => get('/v1/auth/me', { 'x-request-id': id }, owner.http));
    expect(lineOf(requestId)).toMatchObject({ requestId, traceId: server.traceId, route: '/v1/auth/me' });
  });

  it('says who sends: the service, its version and the instance, and nothing of the machine', async () => {
    const { server } = await trace((id) => get('/healthz', { 'x-request-id': id }));
    const { version } = JSON.parse(readFileSync(join(__dirname, '../../package.json'), 'utf8'));
    expect(server.resource).toEqual({
      'service.name': 'latchkey',
      'service.version': version,
      'service.instance.id': expect.stringMatching(/^[0-9a-f-]{36}$/),
      'telemetry.sdk.language': 'nodejs',
      'telemetry.sdk.name': 'opentelemetry',
      'telemetry.sdk.version': expect.any(String),
    });
    expect(new Set(collector.paths)).toEqual(new Set(['POST /otlp/v1/traces']));
    expect(found(collector.bytes.join('\n'), [['foreign', 'foreign']])).toEqual([]);
  });

  it('that nobody waited for any more is marked, and so is one that failed here', async () => {
    const left = await trace((id) => {
      const sent = httpRequest({
        host: '127.0.0.1',
        port: app.port,
        path: '/v1/probe/patience',
        headers: { 'x-request-id': id },
        agent: false,
      });
      sent.on('error', () => {}).end();
      return sleep(300).then(() => sent.destroy());
    });
    expect(left.server.attributes).toMatchObject({ 'latchkey.cut_off': true, 'error.type': 'cut_off' });
    expect(left.server.attributes).not.toHaveProperty('http.response.status_code');
    expect(left.server.durationMs).toBeGreaterThan(200);
    const broken = await trace((id) =>
      get('/v1/probe/broken', { 'x-request-id': id }).then(
        () => Promise.reject(new Error('the answer was whole')),
        () => undefined,
      ),
    );
    expect(broken.server.attributes).toMatchObject({ 'latchkey.cut_off': true, 'error.type': 'broke_off' });
    const failed = await trace((id) => get('/v1/probe/fail/seven', { 'x-request-id': id }));
    expect(failed.server.attributes).toMatchObject({ 'http.response.status_code': 500, 'error.type': '500' });
    expect(failed.server.status).toEqual({ code: ERROR });
    expect(failed.children[0].attributes).toMatchObject({
      'error.type': '42704',
      'db.response.status_code': '42704',
    });
    expect(failed.children[0].status).toEqual({ code: ERROR });
  });
});

describe('the trace of the caller', () => {
  it('goes on here', async () => {
    const { requestId, server } = await trace((id) =>
      get('/healthz', { 'x-request-id': id, traceparent: `00-${TRACE}-${CALLER}-01` }),
    );
    expect([server.traceId, server.parentSpanId]).toEqual([TRACE, CALLER]);
    expect(lineOf(requestId).traceId).toBe(TRACE);
  });

  it.each([
    ['is no traceparent', 'yesterday'],
    ['is all zeros', `00-${'0'.repeat(32)}-${CALLER}-01`],
    ['has an unknown form', `ff-${TRACE}-${CALLER}-01`],
    ['is upper case', `00-${TRACE.toUpperCase()}-${CALLER}-01`],
    ['is followed by something', `00-${TRACE}-${CALLER}-01-more`],
  ])('is ignored when it %s', async (_name, traceparent) => {
    const { server } = await trace((id) => get('/healthz', { 'x-request-id': id, traceparent }));
    expect(server.parentSpanId).toBeUndefined();
    expect(server.traceId).not.toBe(TRACE);
  });

  it('is not recorded when the caller does not record it, and its log line has it all the same', async () => {
    const traceId = randomBytes(16).toString('hex');
    const requestId = randomUUID();
    await get(
      '/v1/auth/me',
      { 'x-request-id': requestId, traceparent: `00-${traceId}-${CALLER}-00` },
      owner.http,
    );
    await trace((id) => get('/healthz', { 'x-request-id': id }));
    expect(lineOf(requestId).traceId).toBe(traceId);
    expect(collector.spans.filter((span) => span.traceId === traceId)).toEqual([]);
  });
});

describe('requests at the same time', () => {
  it('have their own work below them, also when they wait for connections of each other', async () => {
    const names = ['ash', 'birch', 'cedar', 'elm', 'fir', 'hazel'];
    const traces = await Promise.all(
      names.map((name) => trace((id) => get(`/v1/probe/steps/${name}`, { 'x-request-id': id }))),
    );
    traces.forEach(({ children }, i) => {
      const summaries = children.map(({ attributes }) => attributes['db.query.summary']);
      expect(summaries).toEqual(Array.from({ length: ROUNDS }, () => `probe:${names[i]}`));
    });
    expect(new Set(traces.map(({ server }) => server.traceId)).size).toBe(names.length);
    // Six want two connections.
    const waits = traces.flatMap(({ children }) =>
      children.map(({ attributes }) => attributes['latchkey.db.wait_ms'] as number),
    );
    expect(Math.max(...waits)).toBeGreaterThan(5);
  });

  it('keep it behind a body that comes later, as an event of the connection', async () => {
    const traces = await Promise.all(
      Array.from({ length: 8 }, () => trace((id) => postSlowly('/v1/clients', { firstName: 'Drew' }, id))),
    );
    for (const { children } of traces)
      expect(children.filter(({ name }) => name.includes('clients:insert'))).toHaveLength(1);
  });

  it('keep it while an answer streams, page after page', async () => {
    const operations = Array.from({ length: 100 }, (_, n) => ({
      action: 'create',
      data: { firstName: `Person ${n}`, email: `person.${n}@example.com`, allowDuplicate: true },
    }));
    for (let page = 0; page < 3; page++) {
      const many = operations.map(({ action, data }) => ({
        action,
        data: { ...data, email: `${page}.${data.email}` },
      }));
      expect((await owner.http.post('/v1/clients/bulk', { operations: many })).status).toBe(200);
    }
    const { children } = await trace((id) => get('/v1/clients/export', { 'x-request-id': id }, owner.http));
    expect(children.filter(({ name }) => name.startsWith('clients:list')).length).toBeGreaterThan(2);
  });

  it('that share a round trip have each their own read, and the later one a link to the first', async () => {
    const [one, other] = await Promise.all(
      ['oak', 'pine'].map(async (name) => ({
        name,
        ...(await trace((id) => get(`/v1/probe/quick/${name}`, { 'x-request-id': id }))),
      })),
    );
    for (const { name, children } of [one, other]) {
      expect(children.map((child) => child.name)).toEqual([`probe-quick:${name}`]);
      expect(children[0].attributes).toMatchObject({ 'db.operation.batch.size': 2 });
    }
    const [first] = one.children[0].links.length === 0 ? [one, other] : [other, one];
    const [led] = first === one ? other.children : one.children;
    expect(led.links).toEqual([
      expect.objectContaining({ traceId: first.server.traceId, spanId: first.children[0].spanId }),
    ]);
  });
});

const jobSpans = (name: string): ReceivedSpan[] =>
  collector.spans.filter(({ attributes }) => attributes['latchkey.job.name'] === name);

describe('work that no request waits for', () => {
  it('is a trace of its own when it is a job', async () => {
    await app.app.get(Probe).add('probe-work');
    await eventually(() => expect(jobSpans('probe-work')).toHaveLength(1));
    const [job] = jobSpans('probe-work');
    expect(job).toMatchObject({ name: 'job probe-work', kind: KIND.consumer, parentSpanId: undefined });
    expect(job.attributes).toEqual({
      'latchkey.job.name': 'probe-work',
      'latchkey.job.id': expect.stringMatching(/^[0-9a-f-]{36}$/),
      'latchkey.job.attempt': 1,
    });
    expect(collector.childrenOf(job).map(({ name }) => name)).toEqual(['probe:in-job']);
  });

  it('says that a job failed by the code of the failure alone', async () => {
    await app.app.get(Probe).add('probe-failing', { value: canary('JobValue') });
    await eventually(() => expect(jobSpans('probe-failing')).toHaveLength(1));
    const [job] = jobSpans('probe-failing');
    expect(job.attributes['error.type']).toBe('42704');
    expect(job.status).toEqual({ code: ERROR });
  });

  it('shows what left the house, and not where it went', async () => {
    await app.app.get(Probe).add('probe-webhook');
    await eventually(() => expect(jobSpans('probe-webhook')).toHaveLength(1));
    const [job] = jobSpans('probe-webhook');
    const [sent] = collector.childrenOf(job);
    expect(sent).toMatchObject({ name: 'POST', kind: KIND.client });
    expect(sent.attributes).toEqual({ 'http.request.method': 'POST', 'http.response.status_code': 204 });
    // The ids of our traces are nobody's business outside.
    expect(webhooks.received[0].headers).not.toHaveProperty('traceparent');
  });

  it('is nothing when it is neither: an idle worker asks the database every second', async () => {
    await sleep(1500);
    await trace((id) => get('/healthz', { 'x-request-id': id }));
    const spanIds = new Set(collector.spans.map(({ spanId }) => spanId));
    const orphans = collector.spans.filter(
      ({ kind, parentSpanId }) => kind === KIND.client && !spanIds.has(parentSpanId ?? ''),
    );
    expect(orphans).toEqual([]);
  });
});

describe('what is planted in requests', () => {
  const planted: [string, string][] = [];
  const plant = (name: string, value = canary(name)): string => {
    planted.push([name, value]);
    return value;
  };

  beforeAll(async () => {
    const email = plant('email', `${canary('mail').toLowerCase()}@example.com`);
    plant('phone', '5557319206');
    const person = { firstName: plant('first'), lastName: plant('last'), email, phone: '+15557319206' };
    const password = plant('password');
    const member = await registerOwner(app.http, {
      email: plant('member', `${canary('member').toLowerCase()}@example.com`),
      password,
      name: plant('memberName'),
    });
    plant('accessToken', member.accessToken);
    plant('cookie', member.cookie.split('=')[1]);
    const key = await createKey(member, ['clients:read', 'clients:write', 'clients:pii']);
    plant('apiKey', key.key);
    const agent = plant('userAgent');
    const address = freshAddress();
    plant('address', address);
    const http = key.http.with({ 'user-agent': agent, tracestate: `vendor=${plant('tracestate')}` }, address);
    const made = await http.post('/v1/clients', person, {
      headers: { 'idempotency-key': plant('idempotency') },
    });
    expect(made.status).toBe(201);
    await http.get(`/v1/clients?q=${person.lastName}&email=${email}`, {
      headers: { traceparent: `00-${TRACE}-${CALLER}-01`, baggage: `who=${plant('baggage')}` },
    });
    await http.get(`/v1/clients?sort=${plant('query')}`);
    await http.get(`/v1/clients/${made.json.data.id}?note=${plant('note')}`);
    await http.get(`/v1/${plant('path')}/5557319206`);
    await http.post('/v1/clients', undefined, { raw: `{"${plant('brokenJson')}` });
    await http.post('/v1/clients', person);
    await app.http.post(
      '/v1/auth/login',
      { email, password: plant('wrongPassword') },
      { from: freshAddress() },
    );
    const link = await member.http.post('/v1/appointments/calendar-token');
    const token = plant('calendarToken', link.json.data.token);
    expect((await app.http.get(`/v1/appointments/calendar.ics?token=${token}`)).status).toBe(200);
    await app.http.get(`/v1/appointments/calendar/${token}.ics`);
    expect((await app.http.get(`/v1/probe/fail/${plant('sqlValue')}`)).status).toBe(500);
    const refused = { to: plant('mailTo', `${canary('to').toLowerCase()}@example.com`), content: mail() };
    await app.app.get(Database).run([app.app.get(Mailer).send(refused)]);
    plant('webhookPath', 'receiver-path-canary');
    plant('record', made.json.data.id);
  });

  const mail = () => ({ kind: 'test', subject: plant('subject'), paragraphs: [plant('paragraph')] });

  it('is in no byte that is sent', async () => {
    await trace((id) => get('/healthz', { 'x-request-id': id }));
    await eventually(() => expect(app.logged()).toContain('"mail":"test"'));
    await trace((id) => get('/healthz', { 'x-request-id': id }));
    // What was planted did make spans.
    const names = new Set(collector.spans.map(({ name }) => name));
    for (const name of ['GET /v1/appointments/calendar.ics', 'job mail', 'mail test', 'probe:fail'])
      expect(names).toContain(name);
    expect(planted.length).toBeGreaterThan(20);
    expect(found(collector.bytes.join('\n'), planted)).toEqual([]);
  });

  it('cannot be: spans have the attributes that docs/operations.md lists, no events and no messages', () => {
    const page = readFileSync(join(__dirname, '../../docs/operations.md'), 'utf8');
    const section = /\n## Traces\n([\s\S]*?)\n## /.exec(page)?.[1] ?? '';
    const listed = new Set([...section.matchAll(/`([a-z_]+(?:\.[a-z_]+)+)`/g)].map(([, name]) => name));
    const used = new Set(collector.spans.flatMap(({ attributes }) => Object.keys(attributes)));
    expect([...used].filter((name) => !listed.has(name))).toEqual([]);
    for (const { events, status } of collector.spans) {
      expect(events).toEqual([]);
      expect(status.message).toBeUndefined();
    }
  });
});
