import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadProcess } from './load-process.js';
import type { Work } from './load/work.js';
import type { Options } from './options.js';
import { cpuMicroseconds } from './process-stats.js';
import type { Running, Target } from './target.js';

/** What one side did in one turn, or the median of its turns. */
export interface Sample {
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  serverCpuUs: number;
  /** Per request; null when the server's processes cannot be seen. */
  postgresCpuUs: number | null;
}

/** A side that runs and has its load attached. */
export interface Contender {
  target: Target;
  running: Running;
  load: LoadProcess;
  restBytes: number;
}

export type Figures = Record<string, Partial<Record<Work, Sample>>>;

/** Lets the other side's after-work end before the next one's turn: the sealer begins up to a second after a write. */
const SETTLE_MS = 1500;

/** Runs all rounds; in every second one the order is reversed, so none is always first after the other. */
export async function measure(
  contenders: Contender[],
  postmasterPid: number | null,
  options: Options,
  log: (line: string) => void,
): Promise<Figures> {
  const figures: Figures = Object.fromEntries(contenders.map(({ target }) => [target.name, {}]));
  for (const work of options.works) {
    for (const { load } of contenders) await load.run({ work, seconds: options.warmUpSeconds });
    const samples = new Map<Contender, Sample[]>(contenders.map((contender) => [contender, []]));
    for (let round = 0; round < options.rounds; round++) {
      for (const contender of round % 2 === 0 ? contenders : contenders.toReversed()) {
        await sleep(SETTLE_MS);
        const sample = await takeTurn(contender, work, options.seconds, postmasterPid);
        samples.get(contender)?.push(sample);
        log(
          `${work} ${round + 1}/${options.rounds} ${contender.target.name}: ${Math.round(sample.requestsPerSecond)}/s`,
        );
      }
    }
    for (const [{ target }, taken] of samples) figures[target.name][work] = median(taken);
  }
  return figures;
}

async function takeTurn(
  { target, running, load }: Contender,
  work: Work,
  seconds: number,
  postmasterPid: number | null,
): Promise<Sample> {
  const writes = work === 'patch' || work === 'post';
  const auditRows = writes ? await target.countAuditRows() : 0;
  const serverBefore = cpuMicroseconds(running.pid);
  const postgresBefore = postmasterPid === null ? 0 : cpuMicroseconds(postmasterPid);
  const { requests, seconds: elapsed, p50Ms, p99Ms } = await load.run({ work, seconds });
  const serverCpu = cpuMicroseconds(running.pid) - serverBefore;
  const postgresCpu = postmasterPid === null ? null : cpuMicroseconds(postmasterPid) - postgresBefore;
  if (writes) {
    const written = (await target.countAuditRows()) - auditRows;
    if (written !== requests)
      throw new Error(`${target.name}: ${requests} x ${work} left ${written} audit rows`);
  }
  return {
    requestsPerSecond: requests / elapsed,
    p50Ms,
    p99Ms,
    serverCpuUs: serverCpu / requests,
    postgresCpuUs: postgresCpu === null ? null : postgresCpu / requests,
  };
}

/** Each figure's own median: the fastest turn need not be the one with the least CPU time. */
function median(samples: Sample[]): Sample {
  const of = (pick: (sample: Sample) => number): number => {
    const sorted = samples.map(pick).sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  };
  return {
    requestsPerSecond: of((sample) => sample.requestsPerSecond),
    p50Ms: of((sample) => sample.p50Ms),
    p99Ms: of((sample) => sample.p99Ms),
    serverCpuUs: of((sample) => sample.serverCpuUs),
    postgresCpuUs: samples[0].postgresCpuUs === null ? null : of((sample) => sample.postgresCpuUs ?? 0),
  };
}
