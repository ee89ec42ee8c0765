import { PassThrough } from 'node:stream';
import { Log } from './log.js';

function written(write: (log: Log) => void): Record<string, unknown> {
  const sink = new PassThrough();
  write(new Log('debug', sink));
  return JSON.parse(String(sink.read())) as Record<string, unknown>;
}

describe('the log', () => {
  it.each([
    ['info', 30],
    ['warn', 40],
    ['error', 50],
  ] as const)('has the fields of a line of ours beside its message: %s', (level, number) => {
    const err = new TypeError('no "value" is shown');
    const line = written((log) => log[level]({ err, requestId: 'r1' }, 'it happened'));
    expect(line).toMatchObject({ level: number, msg: 'it happened', requestId: 'r1' });
    expect(line.err).toMatchObject({ type: 'TypeError', message: 'no "…" is shown' });
  });

  it.each(['log', 'debug', 'warn', 'error', 'fatal'] as const)(
    "takes the framework's lines as well: %s",
    (level) => {
      expect(written((log) => log[level]('mapped', 'Router'))).toMatchObject({
        msg: 'mapped',
        context: 'Router',
      });
    },
  );
});
