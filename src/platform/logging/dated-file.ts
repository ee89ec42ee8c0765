import { closeSync, mkdirSync, openSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ByteStream } from './byte-stream.js';

const MAX_BYTES = 100 * 1_048_576;
const KEEP_DAYS = 30;
const DAY_MS = 86_400_000;
const GATHERED_BYTES = 4096;
/** Read by the process's user, and by a group that collects logs. */
const MODE = 0o640;

/**
 * A log file a day (UTC): `NAME-YYYY-MM-DD.log`, and `NAME-YYYY-MM-DD.1.log` and so on when one has grown to 100 MB.
 * Files of this name that are older than 30 days go when a new one begins. A disk that is full costs lines, not requests.
 */
export class DatedFile {
  private stream: ByteStream | null = null;
  private day = '';
  private bytes = 0;

  constructor(
    private readonly directory: string,
    private readonly name: string,
    /** Told when a file cannot be opened. */
    private readonly onError: (error: unknown) => void,
    private readonly nowMs: () => number = Date.now,
    private readonly maxBytes = MAX_BYTES,
  ) {
    mkdirSync(directory, { recursive: true, mode: 0o750 });
  }

  write(line: string): void {
    const day = this.dayOf(this.nowMs());
    if (day !== this.day || this.bytes >= this.maxBytes) this.open(day);
    const bytes = Buffer.from(line);
    this.bytes += bytes.length;
    this.stream?.write(bytes);
  }

  /** Writes what is gathered, before it returns. */
  flush(): void {
    try {
      this.stream?.flushSync();
    } catch {
      // The disk is full or gone: there is nowhere left to say so.
    }
  }

  private open(day: string): void {
    this.flush();
    this.stream?.end();
    this.stream = null;
    const isNewDay = day !== this.day;
    this.day = day;
    try {
      this.stream = this.next(day);
      if (isNewDay) this.forgetOld();
    } catch (error) {
      // Asked again after as many bytes as a file holds, or tomorrow; standard output has the lines meanwhile.
      this.bytes = 0;
      this.onError(error);
    }
  }

  /** The first file of the day that has room. */
  private next(day: string): ByteStream {
    for (let number = 0; ; number++) {
      const suffix = number === 0 ? '' : `.${number}`;
      const fd = openSync(join(this.directory, `${this.name}-${day}${suffix}.log`), 'a', MODE);
      this.bytes = statSync(join(this.directory, `${this.name}-${day}${suffix}.log`)).size;
      if (this.bytes < this.maxBytes) {
        return new ByteStream(fd, GATHERED_BYTES);
      }
      closeSync(fd);
    }
  }

  private forgetOld(): void {
    const oldest = this.dayOf(this.nowMs() - KEEP_DAYS * DAY_MS);
    const pattern = new RegExp(`^${this.name}-(\\d{4}-\\d\\d-\\d\\d)(\\.\\d+)?\\.log$`);
    for (const file of readdirSync(this.directory)) {
      const day = pattern.exec(file)?.[1];
      if (day !== undefined && day < oldest) rmSync(join(this.directory, file));
    }
  }

  private dayOf(ms: number): string {
    return new Date(ms).toISOString().slice(0, 10);
  }
}
