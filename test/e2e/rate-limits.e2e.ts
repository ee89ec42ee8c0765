import { freshAddress, PASSWORD, registerOwner } from '../harness/accounts.js';
import type { Answer } from '../harness/http-client.js';
import { inAQuietMoment } from '../harness/quiet-moment.js';
import { type RedisServer, startRedis } from '../harness/redis-server.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';
import { until } from '../harness/until.js';

const LIMIT = 20;
const count = (answers: Answer[], status: number): number =>
  answers.filter((answer) => answer.status === status).length;
const median = (times: number[]): number => times.sort((a, b) => a - b)[Math.floor(times.length / 2)];

describe('rate limits', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp({ env: { ANONYMOUS_RATE_LIMIT: `${LIMIT}/900`, USER_RATE_LIMIT: '30/900' } });
  });
  afterAll(() => app.close());

  it('count anonymous requests by address, show what is left, and say when to come back', async () => {
    const from = freshAddress();
    for (let n = 1; n <= LIMIT; n++) {
      const { status, headers } = await app.http.get('/v1/auth/me', { from });
      expect(status).toBe(401);
      expect(headers['ratelimit-limit']).toBe(String(LIMIT));
      expect(headers['ratelimit-remaining']).toBe(String(LIMIT - n));
      expect(Number(headers['ratelimit-reset'])).toBeGreaterThan(800);
    }
    const refused = await app.http.get('/v1/auth/me', { from });
    expect([refused.status, refused.json.error.code]).toEqual([429, 'RATE_LIMIT']);
    expect(refused.headers['retry-after']).toBe(refused.headers['ratelimit-reset']);
    expect((await app.http.get('/v1/auth/me', { from: freshAddress() })).status).toBe(401);
    expect((await app.http.get('/healthz', { from })).status).toBe(200);
  });

  it.each([
    ['paths that lead nowhere', (from: string) => app.http.get('/wp-nothing', { from })],
    ['unknown API paths', (from: string) => app.http.get('/v1/nothing', { from })],
    [
      'bodies that are no JSON',
      (from: string) =>
        app.http.send('POST', '/v1/auth/login', {
          raw: '{',
          headers: { 'content-type': 'application/json' },
          from,
        }),
    ],
    ['paths in disguise', (from: string) => app.http.get('/%761/auth/csrf', { from })],
    [
      'made-up credentials',
      (from: string) =>
        app.http.get('/v1/auth/me', { from, headers: { authorization: 'Bearer made.up.token' } }),
    ],
    [
      'made-up credentials on public routes',
      (from: string) =>
        app.http.get('/v1/auth/csrf', { from, headers: { authorization: 'Bearer made.up.token' } }),
    ],
    [
      'API keys with a wrong checksum',
      (from: string) => app.http.get('/v1/clients', { from, headers: { 'x-api-key': 'lk_live_nothing' } }),
    ],
    [
      'spoofed forwarding headers',
      (from: string) =>
        app.http.get('/v1/auth/me', {
          from,
          headers: {
            'x-forwarded-for': freshAddress(),
            forwarded: 'for=192.0.2.1',
            'x-real-ip': '192.0.2.1',
          },
        }),
    ],
  ])('count %s too', async (_name, ask) => {
    const from = freshAddress();
    const answers: Answer[] = [];
    for (let n = 0; n < LIMIT + 2; n++) answers.push(await ask(from));
    expect(answers.slice(0, LIMIT).every(({ status }) => status !== 429)).toBe(true);
    expect(answers.slice(LIMIT).map(({ status }) => status)).toEqual([429, 429]);
  });

  it('count a person wherever they are, and leave others of their address alone', async () => {
    const owner = await registerOwner(app.http);
    const answers: Answer[] = [];
    for (let n = 0; n < 32; n++) answers.push(await owner.http.get('/v1/auth/me', { from: freshAddress() }));
    expect(count(answers, 200)).toBe(30);
    expect(count(answers, 429)).toBe(2);
    expect(answers[0].headers['ratelimit-limit']).toBe('30');
    const colleague = await registerOwner(app.http);
    expect((await colleague.http.get('/v1/auth/me')).status).toBe(200);
  });

  it('count successful sign-ins too, whatever credential is made up beside them', async () => {
    const { email } = await registerOwner(app.http);
    const from = freshAddress();
    const headers = { authorization: 'Bearer made.up.token' };
    const login = (): Promise<Answer> =>
      app.http.post('/v1/auth/login', { email, password: PASSWORD }, { from, headers });
    for (let n = 0; n < LIMIT; n++) expect((await login()).status).toBe(200);
    expect((await login()).json.error.code).toBe('RATE_LIMIT');
  });

  it('count an e-mail address that is taken as a failed registration', async () => {
    const { email } = await registerOwner(app.http);
    const from = freshAddress();
    const register = (to: string): Promise<Answer> =>
      app.http.post(
        '/v1/auth/register',
        { email: to, password: PASSWORD, name: 'Alex', teamName: 'Harbor' },
        { from },
      );
    for (let n = 0; n < 5; n++) expect((await register(email)).json.error.code).toBe('DUPLICATE');
    expect((await register(email)).json.error.code).toBe('AUTH_RATE_LIMIT');
    expect((await register('somebody.new@example.com')).status).toBe(429);
  });
});

describe('rate limits of two instances with Redis', () => {
  let redis: RedisServer;
  let one: TestApp;
  let two: TestApp;
  beforeAll(async () => {
    redis = await startRedis();
    const env = { REDIS_URL: redis.url, ANONYMOUS_RATE_LIMIT: `${LIMIT}/900`, USER_RATE_LIMIT: '30/900' };
    one = await startTestApp({ env });
    two = await startTestApp({ env, database: one.database });
    await bothReady();
  });
  afterAll(async () => {
    await two.close();
    await one.close();
    await redis.stop();
  });

  const bothReady = async (): Promise<void> => {
    for (const app of [one, two]) {
      await until(async () => ((await app.http.get('/readyz')).status === 200 ? [true] : []));
    }
  };
  const comeBack = async (from: 'SIGKILL' | 'SIGSTOP'): Promise<void> => {
    if (from === 'SIGSTOP') redis.kill('SIGCONT');
    else await redis.restart();
    await bothReady();
  };
  const flood = (times: number, ask: (app: TestApp) => Promise<Answer>): Promise<Answer[]> =>
    Promise.all(Array.from({ length: times }, (_, n) => ask(n % 2 ? one : two)));

  /** An instance to which Redis does not answer within its time limit counts by itself for a while, and its log says so. */
  const losses = (): number => (one.logged() + two.logged()).split('Redis is away').length;
  const sharing = (counting: () => Promise<void>): Promise<void> => {
    let before = 0;
    const attempt = async (): Promise<void> => {
      await bothReady();
      before = losses();
      await counting();
    };
    return inAQuietMoment(attempt, () => losses() > before);
  };

  it('never let more through than the limit', () =>
    sharing(async () => {
      const from = freshAddress();
      const anonymous = await flood(60, (app) => app.http.get('/v1/auth/me', { from }));
      expect([count(anonymous, 401), count(anonymous, 429)]).toEqual([LIMIT, 60 - LIMIT]);
      const owner = await registerOwner(one.http);
      const headers = { authorization: `Bearer ${owner.accessToken}` };
      const person = await flood(60, (app) => app.http.get('/v1/auth/me', { headers }));
      expect([count(person, 200), count(person, 429)]).toEqual([30, 30]);
    }));

  it('let every window end', async () => {
    const from = freshAddress();
    await one.http.get('/v1/auth/me', { from });
    const { headers } = await two.http.get('/v1/auth/me', { from });
    expect(Number(headers['ratelimit-reset'])).toBeGreaterThan(800);
    expect(Number(headers['ratelimit-reset'])).toBeLessThanOrEqual(900);
  });

  it('remember what Redis said last when it is away', () =>
    inAQuietMoment(async () => {
      await bothReady();
      const from = freshAddress();
      for (let n = 1; n <= LIMIT; n++) {
        const { status } = await (n < LIMIT ? two : one).http.get('/v1/auth/me', { from });
        expect(status).toBe(401);
      }
      redis.kill('SIGSTOP');
      try {
        expect((await one.http.get('/v1/auth/me', { from })).status).toBe(429);
      } finally {
        redis.kill('SIGCONT');
        await bothReady();
      }
    }));

  it.each([
    ['is killed', 'SIGKILL'],
    ['hangs', 'SIGSTOP'],
  ] as const)(
    'count by themselves when Redis %s, at most 200 ms slower, and share again when it is back',
    async (_name, signal) => {
      const timed = async (): Promise<{ answer: Answer; ms: number }> => {
        const started = performance.now();
        const answer = await one.http.get('/v1/scopes', { from: freshAddress() });
        return { answer, ms: performance.now() - started };
      };
      await inAQuietMoment(async () => {
        await comeBack(signal);
        const usual = median((await Promise.all(Array.from({ length: 10 }, timed))).map(({ ms }) => ms));
        redis.kill(signal);
        const during = [
          ...(await Promise.all(Array.from({ length: 10 }, timed))),
          await timed(),
          await timed(),
        ];
        expect(during.every(({ answer }) => answer.status === 401)).toBe(true);
        expect(Math.max(...during.map(({ ms }) => ms))).toBeLessThan(usual + 200);
      });
      const from = freshAddress();
      const local = await Promise.all(
        Array.from({ length: 30 }, () => one.http.get('/v1/auth/me', { from })),
      );
      expect([count(local, 401), count(local, 429)]).toEqual([LIMIT, 30 - LIMIT]);
      expect((await one.http.get('/readyz')).status).toBe(503);
      // The counters of sign-in are in PostgreSQL and do not notice.
      const { email } = await registerOwner(one.http);
      const guess = (app: TestApp): Promise<Answer> =>
        app.http.post('/v1/auth/login', { email, password: 'not the passphrase' }, { from: freshAddress() });
      const guesses = await flood(12, guess);
      // 503: whoever has waited for eight seconds for the tries before to end, on a busy machine.
      expect([count(guesses, 401), count(guesses, 423) + count(guesses, 503)]).toEqual([5, 7]);
      expect((await guess(two)).status).toBe(423);
      await comeBack(signal);
      await sharing(async () => {
        const again = freshAddress();
        // A few at a time: on a busy machine an answer of Redis to many comes later than its time limit allows.
        const shared: Answer[] = [];
        for (let n = 0; n < 10; n++)
          shared.push(...(await flood(6, (app) => app.http.get('/v1/auth/me', { from: again }))));
        expect(count(shared, 401)).toBe(LIMIT);
      });
    },
  );
});
