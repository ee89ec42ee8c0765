/**
 * Rounds of parallel refreshes of one token: all answers must be 200 with the same successor, and one session stays.
 * `npm run build && node dist/bench/sign-in/refresh-race.js [rounds] [tabs]`
 */
import { withClient } from '../postgres.js';
import { PASSWORD, startSignInServer } from './server.js';

const rounds = Number(process.argv[2] ?? 1000);
const tabs = Number(process.argv[3] ?? 20);
const server = await startSignInServer('refresh_race');
try {
  const body = { email: 'race@example.com', password: PASSWORD, name: 'Race', teamName: 'Race Realty' };
  const registered = await server.post('/v1/auth/register', body);
  if (registered.status !== 201) throw new Error(`registration answered ${registered.status}`);
  let cookie = cookieOf(registered.headers['set-cookie']);
  let csrf = registered.json.data?.csrfToken ?? '';
  let good = 0;
  const started = performance.now();
  for (let round = 0; round < rounds; round++) {
    const headers = { cookie, 'x-csrf-token': csrf, 'user-agent': 'race' };
    const race = Array.from({ length: tabs }, () => server.post('/v1/auth/refresh', null, headers));
    const replies = await Promise.all(race);
    const successors = new Set(replies.map((reply) => cookieOf(reply.headers['set-cookie'])));
    if (replies.every(({ status }) => status === 200) && successors.size === 1) good++;
    else
      console.log(
        `round ${round}: ${replies.map(({ status }) => status).join(' ')}, ${successors.size} successors`,
      );
    [cookie] = successors;
    csrf = replies[tabs - 1].json.data?.csrfToken ?? '';
  }
  const seconds = (performance.now() - started) / 1000;
  const live = await withClient(server.databaseUrl, async (client) => {
    const { rows } = await client.query<{ live: number; generation: number }>(
      'SELECT count(*) FILTER (WHERE revoked_at IS NULL)::int AS live, max(generation) AS generation FROM sessions WHERE team_id = (SELECT id FROM teams WHERE name = $1)',
      [body.teamName],
    );
    return rows[0];
  });
  console.log(`${good} of ${rounds} rounds: ${tabs} x 200 and one successor, in ${seconds.toFixed(0)} s`);
  console.log(`live sessions ${live.live}, generation ${live.generation}`);
  process.exitCode = good === rounds && live.live === 1 && live.generation === rounds + 1 ? 0 : 1;
} finally {
  await server.stop();
}

function cookieOf(header: string | string[] | undefined): string {
  return ([header].flat()[0] ?? '').split(';', 1)[0];
}
