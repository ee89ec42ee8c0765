import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freshAddress, registerOwner } from '../harness/accounts.js';
import { startTestApp } from '../harness/test-app.js';

const today = (): string => new Date().toISOString().slice(0, 10);

describe('log files', () => {
  it('with LOG_DIR the log and the security log are there after a shutdown, the latter at every level', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'latchkey-logs-'));
    try {
      const day = today();
      const app = await startTestApp({ env: { LOG_DIR: directory, LOG_LEVEL: 'info' } });
      const owner = await registerOwner(app.http);
      await app.http.post(
        '/v1/auth/login',
        { email: owner.email, password: 'a plain but wrong passphrase' },
        { from: freshAddress(), headers: { 'x-request-id': 'wrong-password' } },
      );
      await app.close();
      // A test that runs over midnight looks at the day it began on.
      const read = (name: string) =>
        readFileSync(join(directory, `${name}-${day}.log`), 'utf8')
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line));
      expect(read('app')).toContainEqual(
        expect.objectContaining({ requestId: 'wrong-password', route: '/v1/auth/login', status: 401 }),
      );
      const security = read('security');
      expect(security).toContainEqual(
        expect.objectContaining({ securityEvent: 'login_failed', requestId: 'wrong-password' }),
      );
      expect(security.every((line) => line.securityEvent !== undefined)).toBe(true);
      const others = readdirSync(directory).filter((name) => !/^(app|security|audit-heads)-/.test(name));
      expect(others).toEqual([]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
