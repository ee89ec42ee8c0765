import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatedFile } from './dated-file.js';

const DAY_MS = 86_400_000;
const NOON_MS = Date.UTC(2026, 10, 21, 12);

describe('a log file a day', () => {
  let directory: string;
  let nowMs = NOON_MS;
  const complain = jest.fn();
  const read = (file: string) => readFileSync(join(directory, file), 'utf8');

  const small = () => new DatedFile(directory, 'app', complain, () => nowMs, 10);

  beforeEach(() => {
    nowMs = NOON_MS;
    directory = mkdtempSync(join(tmpdir(), 'latchkey-logs-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('begins a new file at midnight UTC and loses no line', () => {
    const file = new DatedFile(directory, 'app', complain, () => nowMs);
    file.write('one\n');
    nowMs += DAY_MS / 2;
    file.write('two\n');
    file.flush();
    expect(read('app-2026-11-21.log')).toBe('one\n');
    expect(read('app-2026-11-22.log')).toBe('two\n');
    expect(statSync(join(directory, 'app-2026-11-22.log')).mode & 0o007).toBe(0);
  });

  it('goes on in a numbered file when one is full, also after a restart', () => {
    const file = small();
    for (const line of ['123456\n', 'abcdef\n', 'second\n']) file.write(line);
    file.flush();
    expect(read('app-2026-11-21.log')).toBe('123456\nabcdef\n');
    const again = small();
    again.write('third\n');
    again.flush();
    expect(read('app-2026-11-21.1.log')).toBe('second\nthird\n');
  });

  it('forgets its own files after 30 days, and no others', () => {
    for (const name of ['app-2026-10-21.log', 'app-2026-10-22.log', 'audit-heads-2026-01-01.log']) {
      writeFileSync(join(directory, name), '');
    }
    new DatedFile(directory, 'app', complain, () => nowMs).write('now\n');
    expect(readdirSync(directory).sort()).toEqual([
      'app-2026-10-22.log',
      'app-2026-11-21.log',
      'audit-heads-2026-01-01.log',
    ]);
  });

  it('a folder that is gone costs lines and throws nothing', () => {
    const file = new DatedFile(directory, 'app', complain, () => nowMs);
    rmSync(directory, { recursive: true });
    file.write('lost\n');
    file.flush();
    expect(complain).toHaveBeenCalledTimes(1);
  });
});
