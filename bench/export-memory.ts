/**
 * `npm run bench:export -- [--leads 1000000] [--format csv,ndjson]`: exports all leads of one team while another request a
 * few milliseconds apart reads one lead. Prints the speed, the server's memory along the way, and what the export costs
 * the others. Ends with 1 when memory grows from the first tenth of the file to the last by more than 64 MB.
 */
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { seededDatabase, type SeededTeam, teamsOf } from './crm/seeded-database.js';
import { Api } from './product/api.js';
import { startPostgres } from './postgres.js';
import { residentBytes } from './process-stats.js';
import { startServer, stopServers } from './server-process.js';

const MEGABYTE = 1024 * 1024;
const MAX_GROWTH_MB = 64;
const PROBE_PAUSE_MS = 5;
const QUIET_PROBES = 400;

const { values } = parseArgs({
  options: {
    leads: { type: 'string', default: '1000000' },
    format: { type: 'string', default: 'csv,ndjson' },
  },
});

interface Download {
  readonly lines: number;
  readonly seconds: number;
  /** Highest memory of the server in each tenth of the file, in MB. */
  readonly tenths: readonly number[];
}

/** Reads the file as fast as it comes and keeps nothing of it. */
function download(
  port: number,
  pid: number,
  { apiKey }: SeededTeam,
  format: string,
  leads: number,
): Promise<Download> {
  const startedMs = performance.now();
  const tenths: number[] = [];
  let lines = 0;
  const look = (): void => {
    const tenth = Math.min(9, Math.floor((lines / leads) * 10));
    tenths[tenth] = Math.max(tenths[tenth] ?? 0, Math.round(residentBytes(pid) / MEGABYTE));
  };
  const timer = setInterval(look, 100);
  return new Promise<Download>((resolve, reject) => {
    const path = `/v1/leads/export?format=${format}`;
    const headers = { authorization: `Bearer ${apiKey}` };
    request({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`the export answered ${response.statusCode}`));
      response.on('data', (chunk: Buffer) => {
        for (const byte of chunk) if (byte === 10) lines++;
      });
      response.on('error', reject);
      response.on('end', () => {
        look();
        resolve({ lines, seconds: (performance.now() - startedMs) / 1000, tenths });
      });
    })
      .on('error', reject)
      .end();
  }).finally(() => clearInterval(timer));
}

/** Times of single reads until `isOver`, sorted. */
async function probe(
  port: number,
  { apiKey }: SeededTeam,
  isOver: (count: number) => boolean,
): Promise<number[]> {
  const api = new Api(port);
  const { data } = await api.get<{ id: string }[]>('/v1/leads?limit=1', apiKey);
  const times: number[] = [];
  while (!isOver(times.length)) {
    const startedMs = performance.now();
    await api.get(`/v1/leads/${data[0].id}`, apiKey);
    times.push(performance.now() - startedMs);
    await sleep(PROBE_PAUSE_MS);
  }
  return times.sort((a, b) => a - b);
}

const share = (times: readonly number[], part: number): string =>
  `${times[Math.min(times.length - 1, Math.floor(times.length * part))].toFixed(1)} ms`;
const described = (times: readonly number[]): string =>
  `one lead meanwhile: median ${share(times, 0.5)}, 99 of 100 below ${share(times, 0.99)}, longest ${share(times, 1)}`;

async function measure(port: number, pid: number, team: SeededTeam, leads: number): Promise<boolean> {
  let isGood = true;
  console.log(`without an export, ${described(await probe(port, team, (count) => count === QUIET_PROBES))}`);
  for (const format of values.format.split(',')) {
    let isOver = false;
    const probing = probe(port, team, () => isOver);
    const { lines, seconds, tenths } = await download(port, pid, team, format, leads).finally(() => {
      isOver = true;
    });
    console.log(
      `${format}: ${lines} lines in ${seconds.toFixed(0)} s, ${Math.round(lines / seconds)} a second`,
    );
    console.log(`  memory by tenths of the file, MB: ${tenths.join(' ')}`);
    console.log(`  ${described(await probing)}`);
    isGood &&= tenths[9] - tenths[0] <= MAX_GROWTH_MB;
  }
  return isGood;
}

const server = await startPostgres();
let isGood = false;
try {
  const shape = { teams: 1, leads: Number(values.leads) };
  const { env } = await seededDatabase(server, shape, (line) => console.error(line));
  const running = await startServer({
    args: ['--max-semi-space-size=32', 'dist/src/main.js'],
    env,
    portOf: (line) => (line.includes('"listening"') ? Number(env.PORT) : null),
  });
  const [team] = await teamsOf(running.port, 1);
  isGood = await measure(running.port, running.pid, team, shape.leads);
} finally {
  await stopServers();
  await server.stop();
}
process.exit(isGood ? 0 : 1);
