import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Account, registerOwner } from '../harness/accounts.js';
import { addClients, tamper } from '../harness/audit.js';
import { eventually } from '../harness/eventually.js';
import { MetricsServer } from '../../src/platform/metrics/metrics-server.js';
import { PatienceModule } from '../harness/patience.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const EXPORT = '/v1/audit-log/export?format=csv';
/** More than the five seconds from which a request is slow. */
const SLOW_MS = 5100;

const ended = (answer: IncomingMessage): Promise<string> =>
  new Promise((resolve) => {
    answer
      .on('error', ({ message }) => resolve(message))
      .on('end', () => resolve('whole'))
      .resume();
  });

const get = (path: string, id: string): string =>
  `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-request-id: ${id}\r\n\r\n`;

describe('an answer that does not go out whole', () => {
  let app: TestApp;
  let owner: Account;

  beforeAll(async () => {
    app = await startTestApp({ env: { ROLE: 'api', METRICS_PORT: '0' }, extra: [PatienceModule] });
    owner = await registerOwner(app.http);
    await addClients(owner, 3);
  });
  afterAll(() => app.close());

  const logged = (requestId: string): Record<string, unknown>[] =>
    app
      .logged()
      .split('\n')
      .filter((line) => line.includes(requestId))
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  const ask = (requestId: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${owner.accessToken}`, 'x-request-id': requestId };
      request({ host: '127.0.0.1', port: app.port, path: EXPORT, headers, agent: false }, resolve)
        .on('error', reject)
        .end();
    });

  /** Exports by the status that the monitoring counts them under. */
  const counted = async (): Promise<Record<string, number>> => {
    const text = await (await fetch(`http://127.0.0.1:${app.app.get(MetricsServer).port}/metrics`)).text();
    const line =
      /^latchkey_http_request_duration_seconds_count\{method="GET",route="\/v1\/audit-log\/export",status="(\d+)"\} (\d+)$/gm;
    return Object.fromEntries([...text.matchAll(line)].map(([, status, n]) => [status, Number(n)]));
  };

  const made = `INSERT INTO audit_log (team_id, id, action, resource_type, resource_id, new_values, auth_method, request_id, mac)
    SELECT $1, gen_random_uuid(), 'UPDATE', 'listing', gen_random_uuid(), jsonb_build_object('street', repeat('Hill Road ', 500)),
      'jwt', 'made-up', decode(repeat('00', 32), 'hex') FROM generate_series(1, 5000)`;

  it('leaves one line of the request, marked when the client left', async () => {
    await app.database.sql(made, [owner.teamId]);
    const [whole, cut] = [randomUUID(), randomUUID()];
    expect(await ended(await ask(whole))).toBe('whole');
    (await ask(cut)).once('data', function (this: IncomingMessage) {
      this.destroy();
    });
    await eventually(() => {
      const lines = [whole, cut].map((id) => logged(id).filter(({ route }) => route !== undefined));
      expect(lines).toEqual([
        [expect.not.objectContaining({ cutOff: true })],
        [expect.objectContaining({ status: 200, cutOff: true, teamId: owner.teamId })],
      ]);
    });
    expect(await counted()).toEqual({ 200: 1, 499: 1 });
  });

  it('says why, when it was the server that could not go on', async () => {
    const requestId = randomUUID();
    await tamper(app.database, `UPDATE audit_log SET sealed = '\\x00' WHERE sealed IS NOT NULL`);
    expect(await ended(await ask(requestId))).toBe('aborted');
    await eventually(() => {
      const lines = logged(requestId);
      const broken = { level: 50, msg: 'an answer broke off', err: { type: 'IntegrityError' } };
      expect(lines).toContainEqual(expect.objectContaining({ level: 30, status: 200, cutOff: true }));
      expect(lines).toContainEqual(
        expect.objectContaining({ ...broken, err: expect.objectContaining(broken.err) }),
      );
    });
    expect(await counted()).toEqual({ 200: 1, 499: 1, 500: 1 });
  });

  it('is marked when it was complete, but not out', async () => {
    const requestId = randomUUID();
    const headers = { 'x-request-id': requestId };
    const path = '/v1/patience/large';
    request({ host: '127.0.0.1', port: app.port, path, headers, agent: false }, (answer) => {
      answer.once('data', () => answer.destroy());
    }).end();
    await eventually(() =>
      expect(logged(requestId)).toEqual([expect.objectContaining({ status: 200, cutOff: true })]),
    );
  });

  it('has its line when it waited behind another on the connection that was closed', async () => {
    const ids = [randomUUID(), randomUUID(), randomUUID()];
    const socket = connect(app.port, '127.0.0.1');
    socket.write(get('/healthz', ids[0]) + get('/v1/patience', ids[1]) + get('/healthz', ids[2]));
    await once(socket, 'data');
    socket.destroy();
    await eventually(() => {
      const cutOff = expect.objectContaining({ status: 499, cutOff: true }) as object;
      expect(ids.map(logged)).toEqual([[expect.not.objectContaining({ cutOff: true })], [cutOff], [cutOff]]);
    });
  });

  it('counts as slow when a client gave up on it', async () => {
    const headers = { 'x-request-id': randomUUID() };
    const left = request({ host: '127.0.0.1', port: app.port, path: '/v1/patience', headers, agent: false });
    left.on('error', () => {}).end();
    await sleep(SLOW_MS);
    left.destroy();
    await eventually(async () => {
      const rows = await app.database.sql(
        `SELECT details->>'route' AS route, details->>'status' AS status FROM platform_security_events WHERE type = 'slow_request'`,
      );
      expect(rows).toEqual([{ route: 'GET /v1/patience', status: '499' }]);
    });
    expect(logged(headers['x-request-id'])).toContainEqual(
      expect.objectContaining({ route: '/v1/patience', status: 499, cutOff: true }),
    );
  });
});
