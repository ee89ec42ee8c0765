import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { drain, SHUTDOWN_LIMIT_MS } from '../../src/platform/health/drain.js';
import { registerOwner } from '../harness/accounts.js';
import { createTestDatabase, startTestApp } from '../harness/test-app.js';

/** Long enough for some requests on a busy machine. */
const NOTICE_MS = 2000;

const page = (name: string): string => readFileSync(join(__dirname, '../..', name), 'utf8');

/** SIGTERM, as the process handles it (security.md, promise 15). */
describe('an instance that is told to end', () => {
  it('is not ready first, answers what comes meanwhile, and loses nothing it acknowledged', async () => {
    const database = await createTestDatabase();
    const app = await startTestApp({ database });
    try {
      const owner = await registerOwner(app.http);
      expect((await app.http.get('/readyz')).status).toBe(200);
      const startMs = Date.now();
      const ended = drain(app.app, NOTICE_MS);
      expect((await app.http.get('/readyz')).status).toBe(503);
      expect((await app.http.get('/healthz')).status).toBe(200);
      const acknowledged: string[] = [];
      for (let refused = false; !refused;) {
        const answer = await owner.http.post('/v1/clients', { firstName: 'Late' }).catch(() => null);
        refused = answer?.status !== 201;
        if (answer?.status === 201) acknowledged.push(answer.json.data.id);
        else expect([undefined, 503]).toContain(answer?.status);
      }
      await ended;
      expect(Date.now() - startMs).toBeLessThan(SHUTDOWN_LIMIT_MS);
      expect(acknowledged.length).toBeGreaterThan(0);
      const [{ n }] = await database.sql('SELECT count(*)::int AS n FROM clients WHERE id = ANY ($1)', [
        acknowledged,
      ]);
      expect(n).toBe(acknowledged.length);
    } finally {
      await database.drop();
    }
  });

  it('ends as soon as the operator was told, and before a container runtime kills it', () => {
    const seconds = SHUTDOWN_LIMIT_MS / 1000;
    expect(page('docs/operations.md')).toContain(`After ${seconds} s the process ends in any case`);
    const grace = /stop_grace_period: (\d+)s/.exec(page('docker-compose.yml'))?.[1];
    expect(Number(grace)).toBeGreaterThan(seconds);
  });
});
