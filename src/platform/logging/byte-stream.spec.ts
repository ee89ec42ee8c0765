import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ByteStream } from './byte-stream.js';

const LINE = Buffer.from('one line of a log\n');

describe('the bytes of a log', () => {
  it('are written in order, and whole, when they are flushed', () => {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-bytes-'));
    try {
      const stream = new ByteStream(openSync(join(folder, 'log'), 'a'), 4096);
      const lines = Array.from(
        { length: 3000 },
        (_, n) => `line ${n} of a log that is longer than what goes at once\n`,
      );
      for (const line of lines) stream.write(Buffer.from(line));
      stream.flushSync();
      expect(readFileSync(join(folder, 'log'), 'utf8')).toBe(lines.join(''));
      stream.end();
      stream.write(LINE);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  // The library alone repeats a refused synchronous write for ever, and the process with it stands still.
  (process.platform === 'linux' ? it : it.skip)('are given up when the disk is full', async () => {
    const stream = new ByteStream(openSync('/dev/full', 'a'), 100);
    for (let n = 0; n < 50; n++) stream.write(LINE);
    await new Promise((resolve) => setTimeout(resolve, 300));
    stream.write(LINE);
    stream.flushSync();
    stream.write(LINE);
    stream.flush();
    stream.end();
  });
});
