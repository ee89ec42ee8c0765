import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { MetricsServer } from '../../src/platform/metrics/metrics-server.js';
import { PatienceModule } from '../harness/patience.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';
import { eventually } from '../harness/eventually.js';

interface Bare {
  readonly status: string;
  readonly requestId: string;
  readonly text: string;
}

/** A request that is refused while its body is still to come. */
const refusedEarly = (id: string, more = ''): string =>
  `GET /v1/patience/refusal HTTP/1.1\r\nHost: a.example\r\nX-Request-Id: ${id}\r\n${more}Content-Length: 5\r\n\r\n`;

/** What Node would answer by itself, or hands over without a request. */
describe('requests that are hardly any', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp({
      env: { ROLE: 'api', METRICS_PORT: '0', ANONYMOUS_RATE_LIMIT: '4/900' },
      extra: [PatienceModule],
    });
  });
  afterAll(() => app.close());

  /** @param from one of the loopback addresses, each with a limit of its own  @param isEnd leaves after that, without waiting for an answer */
  const send = (bytes: string, from: string, isEnd = false): Promise<Bare> =>
    new Promise((resolve, reject) => {
      const socket = connect({ port: app.port, host: '127.0.0.1', localAddress: from });
      let text = '';
      socket.on('data', (data) => (text += data.toString())).on('error', reject);
      socket.on('close', () =>
        resolve({
          status: text.split(' ', 2)[1],
          requestId: /^x-request-id: (.+)\r$/m.exec(text)?.[1] ?? 'none',
          text,
        }),
      );
      if (isEnd) socket.end(bytes);
      else socket.write(bytes);
    });
  const connections = (): Promise<number> =>
    new Promise((resolve) =>
      app.app.getHttpServer().getConnections((_error: Error | null, count: number) => resolve(count)),
    );
  const lineOf = (requestId: string): Record<string, unknown> =>
    JSON.parse(
      app
        .logged()
        .split('\n')
        .find((line) => line.includes(requestId)) ?? '{}',
    ) as Record<string, unknown>;

  it.each([
    ['no HTTP', 'GARBAGE\r\n\r\n', 'The request is not valid HTTP.', '127.9.1.1'],
    [
      'two lengths',
      'POST /v1/leads HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx',
      'The request is not valid HTTP.',
      '127.9.1.2',
    ],
    [
      'endless headers',
      `GET / HTTP/1.1\r\nHost: a.example\r\nA: ${'a'.repeat(20_000)}\r\n\r\n`,
      'The headers are too large.',
      '127.9.1.3',
    ],
  ])('find their line in the log by the id of the answer: %s', async (_name, bytes, message, from) => {
    const { status, requestId, text } = await send(bytes, from);
    expect([status, text]).toEqual(['400', expect.stringContaining(message)]);
    expect(lineOf(requestId)).toMatchObject({
      requestId,
      status: 400,
      ip: from,
      reason: expect.stringMatching(/^HPE_/),
    });
  });

  it('that end in the middle of their head have their answer and their line, since a client may still listen', async () => {
    const { status, requestId } = await send('GET /v1/cli', '127.9.1.7', true);
    expect(status).toBe('400');
    expect(lineOf(requestId)).toMatchObject({
      status: 400,
      reason: 'HPE_INVALID_EOF_STATE',
      ip: '127.9.1.7',
    });
  });

  it('of CONNECT are refused as well', async () => {
    const { status, requestId } = await send(
      'CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n',
      '127.9.1.4',
    );
    expect(status).toBe('400');
    expect(lineOf(requestId)).toMatchObject({ status: 400, reason: 'CONNECT', ip: '127.9.1.4' });
  });

  it('of CONNECT end with the answer, whatever their client does', async () => {
    const before = await connections();
    const held: Socket[] = [];
    for (let n = 0; n < 20; n++) {
      const socket = connect({
        port: app.port,
        host: '127.0.0.1',
        localAddress: '127.9.1.5',
        allowHalfOpen: true,
      });
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.write('CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\nand more');
      if (n % 2 === 0) socket.resetAndDestroy();
      else held.push(socket);
    }
    await eventually(async () => expect(await connections()).toBeLessThanOrEqual(before));
    expect((await send('GET /v1/clients HTTP/1.0\r\n\r\n', '127.9.1.6')).status).toBe('401');
    for (const socket of held) socket.destroy();
  });

  it('are counted, too', async () => {
    const text = await (await fetch(`http://127.0.0.1:${app.app.get(MetricsServer).port}/metrics`)).text();
    expect(text).toMatch(
      /^latchkey_http_request_duration_seconds_count\{method="other",route="\(none\)",status="400"\} (?:[4-9]|1\d|2\d)$/m,
    );
  });

  it('without a Host are refused like any other request, and name it', async () => {
    const { status, requestId, text } = await send(
      'GET /v1/clients HTTP/1.1\r\nConnection: close\r\n\r\n',
      '127.9.2.1',
    );
    expect(status).toBe('400');
    expect(JSON.parse(text.slice(text.indexOf('\r\n\r\n')))).toEqual({
      success: false,
      error: expect.objectContaining({
        code: 'VALIDATION_FAILED',
        details: [{ field: 'Host', message: 'is required' }],
        requestId,
      }),
    });
    expect(text.toLowerCase()).toContain('x-content-type-options: nosniff');
    expect(lineOf(requestId)).toMatchObject({ status: 400, route: '/v1/clients', ip: '127.9.2.1' });
    // A limit stands before it, as before everything else.
    const statuses: string[] = [];
    for (let n = 0; n < 4; n++)
      statuses.push(
        (await send('GET /v1/clients HTTP/1.1\r\nConnection: close\r\n\r\n', '127.9.2.1')).status,
      );
    expect(statuses).toEqual(['400', '400', '400', '429']);
  });

  it('of HTTP/1.0 need no Host', async () => {
    expect((await send('GET /v1/clients HTTP/1.0\r\n\r\n', '127.9.3.1')).status).toBe('401');
  });

  it('that expect something unheard of are answered all the same', async () => {
    const { status, requestId } = await send(
      'GET /v1/clients HTTP/1.1\r\nHost: a.example\r\nExpect: a-miracle\r\nConnection: close\r\n\r\n',
      '127.9.4.1',
    );
    expect(status).toBe('401');
    expect(lineOf(requestId)).toMatchObject({ status: 401, route: '/v1/clients' });
  });

  it('whose body does not arrive have one id in the answer and in the log, and one status', async () => {
    const { status, requestId } = await send(
      'POST /v1/leads HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
      '127.9.5.1',
    );
    expect(status).toBe('400');
    await eventually(() =>
      expect(lineOf(requestId)).toMatchObject({ status: 400, route: '/v1/leads', ip: '127.9.5.1' }),
    );
    expect(lineOf(requestId)).not.toHaveProperty('cutOff');
    expect(app.logged()).not.toContain('request failed');
  });

  it.each([
    ['whose client leaves', 'half-and-gone', '', true, { status: 499, cutOff: true }],
    ['in chunks that are none', 'half-and-broken', 'GARBAGE\r\n', false, { status: 400 }],
  ])('with half a body are one request with one line: %s', async (_name, id, rest, isEnd, line) => {
    const head = `POST /v1/leads HTTP/1.1\r\nHost: a.example\r\nX-Request-Id: ${id}\r\nContent-Type: application/json\r\n`;
    const body = rest === '' ? 'Content-Length: 9\r\n\r\n{' : `Transfer-Encoding: chunked\r\n\r\n${rest}`;
    const before = app.logged().length;
    const { text } = await send(head + body, '127.9.6.1', isEnd);
    await eventually(() => expect(lineOf(id)).toMatchObject({ ...line, route: '/v1/leads' }));
    expect(text.includes('400 Bad Request')).toBe(line.status === 400);
    // Neither another line nor an event of the same request.
    await sleep(300);
    const lines = app.logged().slice(before).trim().split('\n');
    expect(lines).toEqual([expect.stringContaining(`"requestId":"${id}"`)]);
  });

  it('that follow an answer under way do not get into it', async () => {
    const { text } = await send(
      'GET /v1/patience HTTP/1.1\r\nHost: a.example\r\n\r\nGARBAGE\r\n\r\n',
      '127.9.7.1',
    );
    expect(text).toBe('');
  });

  it('that are refused before their body has come are recorded, whether their client waits or not', async () => {
    const [stays, leaves] = await Promise.all([
      send(`${refusedEarly('heard-out', 'Connection: close\r\n')}12345`, '127.9.8.1'),
      send(refusedEarly('cut-short'), '127.9.8.1', true),
    ]);
    expect([stays.status, leaves.text]).toEqual(['403', '']);
    await eventually(async () => {
      const events = await app.database.sql(
        `SELECT request_id AS id FROM platform_security_events WHERE type = 'permission_denied' ORDER BY 1`,
      );
      expect(events.map(({ id }) => id)).toEqual(['cut-short', 'heard-out']);
    }, 10_000);
  });
});
