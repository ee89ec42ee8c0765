/**
 * The load: a process of its own with keep-alive connections, each with one request under way, for a bounded time or
 * count. It speaks to 127.0.0.1 only and stops at the first answer that is not the expected one.
 *
 * Driven by `run.ts` over IPC, or by hand: `node dist/bench/load.js PORT SEEDED.json get 3`.
 */
import { readFileSync } from 'node:fs';
import { Connection } from './load/connection.js';
import { Latencies } from './load/latency.js';
import { checkAnswer, WORKS, Workload, type Work } from './load/work.js';
import type { BaseTeam, Seeded } from './target.js';

const MAX_SECONDS = 300;
const MAX_REQUESTS = 10_000_000;

export interface LoadSetup {
  port: number;
  baseTeams: BaseTeam[];
  connections: number;
}

export interface LoadOrder {
  work: Work;
  seconds: number;
  requests?: number;
}

export interface LoadResult {
  requests: number;
  seconds: number;
  p50Ms: number;
  p99Ms: number;
}

class Load {
  private constructor(
    private readonly port: number,
    private connections: Connection[],
    private readonly workload: Workload,
  ) {}

  static async open({ port, baseTeams, connections }: LoadSetup): Promise<Load> {
    const sockets = await Promise.all(Array.from({ length: connections }, () => Connection.open(port)));
    const workload = new Workload(baseTeams, connections);
    await workload.collectCursors(sockets[0]);
    return new Load(port, sockets, workload);
  }

  async run({ work, seconds, requests = MAX_REQUESTS }: LoadOrder): Promise<LoadResult> {
    // While the other side had its turn, the server has closed what stood idle.
    this.close();
    this.connections = await Promise.all(this.connections.map(() => Connection.open(this.port)));
    const latencies = new Latencies();
    const start = performance.now();
    const deadline = start + Math.min(seconds, MAX_SECONDS) * 1000;
    let left = Math.min(requests, MAX_REQUESTS);
    let done = 0;
    const loop = async (connection: Connection, slot: number): Promise<void> => {
      while (left-- > 0) {
        const { bytes, expectedStatus } = this.workload.next(work, slot);
        const sent = performance.now();
        const response = await connection.send(bytes);
        const received = performance.now();
        if (response.status !== expectedStatus) {
          throw new Error(
            `${work}: ${response.status} instead of ${expectedStatus}: ${response.body.toString()}`,
          );
        }
        latencies.addMs(received - sent);
        if (done++ === 0) checkAnswer(work, response);
        if (received >= deadline) break;
      }
    };
    await Promise.all(this.connections.map(loop));
    const elapsed = (performance.now() - start) / 1000;
    return {
      requests: done,
      seconds: elapsed,
      p50Ms: latencies.percentileMs(0.5),
      p99Ms: latencies.percentileMs(0.99),
    };
  }

  close(): void {
    for (const connection of this.connections) connection.close();
  }
}

/** The first message is the set-up, every later one an order; each is answered before the next is sent. */
function serveOrders(): void {
  let load: Load | undefined;
  process.on('message', (message: LoadSetup | LoadOrder) => {
    const answer = async (): Promise<unknown> => {
      if ('port' in message) {
        load = await Load.open(message);
        return { ready: true };
      }
      return load?.run(message);
    };
    answer().then(
      (result) => process.send?.({ result }),
      (error: Error) => process.send?.({ error: error.message }),
    );
  });
  process.on('disconnect', () => process.exit(0));
}

async function runOnce([port, file, work, seconds]: string[]): Promise<void> {
  if (!WORKS.includes(work as Work))
    throw new Error(`usage: load.js PORT SEEDED.json ${WORKS.join('|')} SECONDS`);
  const { baseTeams } = JSON.parse(readFileSync(file, 'utf8')) as Seeded;
  const load = await Load.open({ port: Number(port), baseTeams, connections: 16 });
  const result = await load.run({ work: work as Work, seconds: Number(seconds) });
  load.close();
  console.log({ work, requestsPerSecond: Math.round(result.requests / result.seconds), ...result });
}

if (process.send) serveOrders();
else await runOnce(process.argv.slice(2));
