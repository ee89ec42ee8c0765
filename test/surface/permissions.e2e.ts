import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Route, RouteTable } from '../../src/platform/http/route-table.js';
import { startTestApp } from '../harness/test-app.js';

const FILE = join(__dirname, 'permissions.txt');
const HEADER =
  '# Who may call what. A change here is a change of permissions: review it, then `npm run permissions:update`.';

describe('permissions', () => {
  it('are those in permissions.txt: a difference is a change of permissions to review', async () => {
    const app = await startTestApp();
    const present = app.app.get(RouteTable).all().map(lineOf).sort();
    await app.close();
    if (process.env.PERMISSIONS === 'update') writeFileSync(FILE, [HEADER, ...present, ''].join('\n'));
    const recorded = readFileSync(FILE, 'utf8')
      .split('\n')
      .filter((line) => line && !line.startsWith('#'));
    const added = present.filter((line) => !recorded.includes(line)).map((line) => `+ ${line}`);
    const gone = recorded.filter((line) => !present.includes(line)).map((line) => `- ${line}`);
    if (added.length + gone.length > 0) {
      throw new Error(
        `Permissions have changed. If this is meant, run \`npm run permissions:update\` and have the difference reviewed:\n${[...gone, ...added].join('\n')}`,
      );
    }
    expect(recorded).toHaveLength(present.length);
  });
});

function lineOf(route: Route): string {
  const { access, audit } = route;
  const parts = [
    access.kind === 'scope' ? `scope ${access.scope}` : `${access.kind} (${access.reason})`,
    ...(route.usersOnly ? ['users only'] : []),
    ...(route.stepUp ? ['step-up'] : []),
    ...(audit === null
      ? []
      : [audit.kind === 'audited' ? `audited ${audit.resourceType}` : `not audited (${audit.reason})`]),
    ...(route.documented ? [] : ['undocumented']),
  ];
  return `${route.path} ${route.method}: ${parts.join('; ')}`;
}
