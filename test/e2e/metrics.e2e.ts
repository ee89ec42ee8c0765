import { connect } from 'node:net';
import { MetricsServer } from '../../src/platform/metrics/metrics-server.js';
import { type Account, createKey, registerOwner } from '../harness/accounts.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

/** The lines of one metric. */
const series = (text: string, name: string): string[] =>
  text.split('\n').filter((line) => line.startsWith(name));

describe('metrics', () => {
  let app: TestApp;
  let owner: Account;
  let url: string;

  beforeAll(async () => {
    app = await startTestApp({ env: { METRICS_PORT: '0' } });
    url = `http://127.0.0.1:${app.app.get(MetricsServer).port}`;
    owner = await registerOwner(app.http);
  });
  afterAll(() => app.close());

  const read = async (): Promise<string> => (await fetch(`${url}/metrics`)).text();

  it('count requests by the pattern of their route and never by what was in it', async () => {
    const made = await owner.http.post('/v1/clients', { firstName: 'Casey' });
    const id = made.json.data.id as string;
    for (let i = 0; i < 3; i++) await owner.http.get(`/v1/clients/${id}?note=casey`);
    await app.http.get('/v1/somewhere/casey@example.com');
    const text = await read();
    expect(text).toContain(
      'latchkey_http_request_duration_seconds_count{method="GET",route="/v1/clients/:id",status="200"} 3',
    );
    expect(text).toContain('route="(none)",status="404"');
    expect(text).not.toContain(id);
    expect(text).not.toMatch(/casey/i);
    expect(text).not.toContain(owner.teamId);
  });

  it('count security events by type and severity', async () => {
    const { key } = await createKey(owner, ['leads:read']);
    const refused = await app.http.get('/v1/clients', { headers: { 'x-api-key': key } });
    expect(refused.status).toBe(403);
    expect(series(await read(), 'latchkey_security_events_total')).toContainEqual(
      expect.stringMatching(/type="permission_denied",severity="\w+"\} 1$/),
    );
  });

  it('say how the process and its database connections are', async () => {
    const text = await read();
    for (const name of [
      'latchkey_database_connections_open',
      'latchkey_database_requests_waiting',
      'latchkey_password_hashes_waiting',
      'process_resident_memory_bytes',
      'nodejs_eventloop_lag_p99_seconds',
    ])
      expect(series(text, name)).toContainEqual(expect.stringMatching(/ \d/));
  });

  it('are on their own port, which serves nothing else, and not on that of the API', async () => {
    expect((await app.http.get('/metrics')).status).toBe(404);
    for (const path of ['/', '/v1/clients', '/metrics/..', '/healthz'])
      expect((await fetch(`${url}${path}`)).status).toBe(404);
    expect((await fetch(`${url}/metrics`, { method: 'POST' })).status).toBe(404);
  });

  it('end with the application, also while somebody holds a connection', async () => {
    const other = await startTestApp({ env: { METRICS_PORT: '0' } });
    const { port } = other.app.get(MetricsServer);
    const held = connect(port ?? 0, '127.0.0.1');
    await new Promise((resolve) => held.once('connect', resolve));
    held.on('error', () => undefined);
    await other.close();
    await expect(fetch(`http://127.0.0.1:${port}/metrics`)).rejects.toThrow();
  });

  it.each([
    ['127.0.0.1 alone, wherever the API listens', { HOST: '127.0.0.5' }, '127.0.0.1'],
    ['what METRICS_HOST names', { HOST: '127.0.0.5', METRICS_HOST: '127.0.0.6' }, '127.0.0.6'],
  ])('are served at %s', async (_name, env, at) => {
    const other = await startTestApp({ env: { METRICS_PORT: '0', ...env } });
    try {
      const { port } = other.app.get(MetricsServer);
      const reached: string[] = [];
      for (const host of ['127.0.0.1', '127.0.0.5', '127.0.0.6']) {
        const answer = await fetch(`http://${host}:${port}/metrics`).catch(() => null);
        if (answer?.status === 200) reached.push(host);
      }
      expect(reached).toEqual([at]);
    } finally {
      await other.close();
    }
  });

  it('are not collected without the setting', async () => {
    const plain = await startTestApp();
    expect(plain.app.get(MetricsServer).port).toBeNull();
    await plain.close();
  });
});
