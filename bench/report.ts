import type { Work } from './load/work.js';
import type { Figures, Sample } from './rounds.js';

const HEADINGS = [
  'work',
  'side',
  'req/s',
  'of floor',
  'p50 ms',
  'p99 ms',
  'server µs',
  'x',
  'PostgreSQL µs',
  'x',
  'both µs',
  'x',
];

const total = ({ serverCpuUs, postgresCpuUs }: Sample): number | null =>
  postgresCpuUs === null ? null : serverCpuUs + postgresCpuUs;

const whole = (value: number | null): string => (value === null ? 'n/a' : value.toFixed(0));

/** More requests are better (share of the floor), less CPU time is (multiple of the floor). */
function ratio(value: number | null, floor: number | null | undefined): string {
  return value === null || !floor ? '' : (value / floor).toFixed(2);
}

function line(work: Work, name: string, sample: Sample, floor: Sample | undefined): string[] {
  return [
    work,
    name,
    whole(sample.requestsPerSecond),
    ratio(sample.requestsPerSecond, floor?.requestsPerSecond),
    sample.p50Ms.toFixed(1),
    sample.p99Ms.toFixed(1),
    whole(sample.serverCpuUs),
    ratio(sample.serverCpuUs, floor?.serverCpuUs),
    whole(sample.postgresCpuUs),
    ratio(sample.postgresCpuUs, floor?.postgresCpuUs),
    whole(total(sample)),
    ratio(total(sample), floor && total(floor)),
  ];
}

/** The figures as a table: one line per work item and side. */
export function table(figures: Figures, works: Work[]): string {
  const lines = [HEADINGS];
  for (const work of works) {
    for (const [name, samples] of Object.entries(figures)) {
      const sample = samples[work];
      if (sample) lines.push(line(work, name, sample, figures.floor?.[work]));
    }
  }
  const widths = HEADINGS.map((_, column) => Math.max(...lines.map((cells) => cells[column].length)));
  const pad = (cell: string, column: number): string =>
    column < 2 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]);
  return lines.map((cells) => cells.map(pad).join('  ')).join('\n');
}

/** Memory at rest: after the start, before any load. */
export function memoryLine(name: string, bytes: number): string {
  return `memory at rest, ${name}: ${(bytes / 1024 / 1024).toFixed(0)} MB`;
}
