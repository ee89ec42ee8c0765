import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, renameSync } from 'node:fs';

const ROTATE_ABOVE = 5 * 1024 * 1024;
const TAIL_BYTES = 8192;
const TAIL_LINES = 15;

/** Keeps one earlier log once the current one is large. */
export function rotateLog(path: string): void {
  if (logSize(path) > ROTATE_ABOVE) renameSync(path, `${path}.1`);
}

/** How much has been written, to tell later lines from earlier ones. */
export function logSize(path: string): number {
  return lstatSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** The last lines written after `offset`, without the secret. */
export function logTail(path: string, offset: number, secret: string): string {
  try {
    // The log belongs to another account, which must not make root read a file through a link.
    const file = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
    try {
      const { size } = fstatSync(file);
      const start = Math.max(offset, size - TAIL_BYTES);
      const buffer = Buffer.alloc(Math.max(0, size - start));
      readSync(file, buffer, 0, buffer.length, start);
      return buffer
        .toString('utf8')
        .trimEnd()
        .split('\n')
        .slice(-TAIL_LINES)
        .join('\n')
        .replaceAll(secret, '***');
    } finally {
      closeSync(file);
    }
  } catch {
    return '';
  }
}
