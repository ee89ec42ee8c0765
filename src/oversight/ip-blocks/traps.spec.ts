import { inAQuietMoment } from '../../../test/harness/quiet-moment.js';
import { trapOf } from './traps.js';

describe('traps', () => {
  it.each([
    ['GET', '/v1/admin/users', 'admin_users'],
    ['GET', '/v1/admin/users?limit=5', 'admin_users'],
    ['POST', '/v1/admin/users', null],
    ['POST', '/v1/admin/backdoor', 'backdoor'],
    ['POST', '/v1/admin/backdoor/', 'backdoor'],
    ['POST', '/v1//admin/%62ackdoor?x=1', 'backdoor'],
    ['GET', '/v1/admin/backdoor', null],
    ['GET', '/.env', 'scanner_path'],
    ['GET', '/.env.production', 'scanner_path'],
    ['GET', '/api/.env', 'scanner_path'],
    ['GET', '/%2eenv', 'scanner_path'],
    ['GET', '/.git/config', 'scanner_path'],
    ['GET', '//.GIT//HEAD', 'scanner_path'],
    ['GET', '/wp-login.php', 'scanner_path'],
    ['POST', '/xmlrpc.php', 'scanner_path'],
    ['GET', '/wp-admin/setup-config.php', 'scanner_path'],
    ['GET', '/phpmyadmin/', 'scanner_path'],
    ['GET', '/cgi-bin/luci', 'scanner_path'],
    ['GET', '/config.json', 'scanner_path'],
    ['GET', '/shell.aspx', 'scanner_path'],
    ['GET', '/static/..%2f..%2fetc/passwd', 'scanner_path'],
  ] as const)('%s %s is %s', (method, url, trap) => expect(trapOf(method, url)).toBe(trap));

  it.each([
    '/',
    '/docs',
    '/openapi.json',
    '/healthz',
    '/favicon.ico',
    '/robots.txt',
    '/.well-known/security.txt',
    '/assets/index-a1b2.js',
    '/v1/clients',
    '/v1/nothing.php',
    '/docs/swagger-ui.css',
    '/environment',
    '/%zz',
  ])('an ordinary path is no trap: %s', (path) => expect(trapOf('GET', path)).toBeNull());

  it('a long path costs little', () =>
    inAQuietMoment(() => {
      const started = process.hrtime.bigint();
      for (let i = 0; i < 200; i++) trapOf('GET', `/${'a/.'.repeat(5000)}`);
      expect(Number(process.hrtime.bigint() - started) / 1e6).toBeLessThan(200);
    }));
});
