import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../../test/harness/eventually.js';
import { ByteStream } from './byte-stream.js';

const LINE = Buffer.from('one line of a log\n');
const LINES = Array.from({ length: 3000 }, (_, n) => `line ${n} of a log that is longer than one write`);
const inSomeOrder = (text: string): string[] => text.split('\n').toSorted();

describe('the bytes of a log', () => {
  let folder: string;
  let file: string;
  const written = () => readFileSync(file, 'utf8');

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'latchkey-bytes-'));
    file = join(folder, 'log');
    writeFileSync(file, '');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('are written in order, and whole', async () => {
    const stream = new ByteStream(openSync(file, 'a'), 4096);
    for (const line of LINES) stream.write(Buffer.from(`${line}\n`));
    stream.end();
    await eventually(() => expect(written()).toBe(`${LINES.join('\n')}\n`));
  });

  // A write that is under way may end after what is flushed behind it: each line has its time.
  it('are written whole when they are flushed', async () => {
    const stream = new ByteStream(openSync(file, 'a'), 4096);
    for (const line of LINES) stream.write(Buffer.from(`${line}\n`));
    stream.flushSync();
    await eventually(() => expect(inSomeOrder(written())).toEqual(['', ...LINES.toSorted()]));
    stream.end();
  });

  it('are written after the end as well, and no more are taken', async () => {
    const stream = new ByteStream(openSync(file, 'a'), 4096);
    stream.write(LINE);
    stream.end();
    stream.write(LINE);
    for (let n = 0; n < 2000 && written() === ''; n++) await sleep(25);
    expect(written()).toBe(LINE.toString());
  });

  // The library alone repeats a refused synchronous write for ever: without our care this test does not end.
  it('are given up when nothing can be written', async () => {
    const stream = new ByteStream(openSync(file, 'r'), 100);
    for (let n = 0; n < 50; n++) stream.write(LINE);
    await sleep(300);
    expect(() => {
      stream.flushSync();
      stream.write(LINE);
      stream.flush();
      stream.end();
    }).not.toThrow();
    expect(written()).toBe('');
  });

  it('that find no room are counted, and the log says so', async () => {
    const stream = new ByteStream(openSync(file, 'a'), 100, 10 * LINE.length);
    for (let n = 0; n < 25; n++) stream.write(LINE);
    for (let n = 0; n < 2000 && !written().includes('dropped'); n++) await sleep(25);
    const lines = written().trimEnd().split('\n');
    const { dropped } = JSON.parse(lines.at(-1) as string) as { dropped: number };
    expect(lines.length - 1 + dropped).toBe(25);
    expect(dropped).toBeGreaterThan(0);
    stream.end();
  });
});
