import { createReadStream } from 'node:fs';
import { appendFile, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Clock } from '../../platform/clock/clock.js';
import { Config } from '../../platform/config/config.js';
import { AuditKeys } from './audit-keys.js';
import { headerOf, type SealHeader } from './seal.js';

const FILE = /^audit-heads-\d{4}-\d{2}-\d{2}\.log$/;

/**
 * Signed heads outside the database: one JSON line for each team whose head moved, in files by date in
 * `LOG_DIR` (or the data directory). Whoever cuts off the newest rows together with their seals leaves a log
 * without a flaw in it, except that it ends before the head that stands here.
 */
@Injectable()
export class HeadAnchor {
  private readonly directory: string;
  private readonly recent = new LRUCache<string, SealHeader>({ max: 10_000 });
  private waiting = new Map<string, SealHeader>();

  constructor(
    config: Config,
    private readonly keys: AuditKeys,
    private readonly clock: Clock,
  ) {
    this.directory = config.logDir ?? config.dataDir;
  }

  /** Remembers a head until the next {@link write}. */
  note(head: SealHeader): void {
    this.recent.set(head.teamId, headerOf(head));
    this.waiting.set(head.teamId, headerOf(head));
  }

  /** Appends the heads that moved since the last time, and returns them. Those of a failed write stay. */
  async write(): Promise<readonly SealHeader[]> {
    const heads = [...this.waiting.values()];
    if (heads.length === 0) return [];
    const at = this.clock.nowIso();
    await mkdir(this.directory, { recursive: true });
    await appendFile(
      join(this.directory, `audit-heads-${at.slice(0, 10)}.log`),
      heads.map((head) => `${JSON.stringify({ anchoredAt: at, ...head })}\n`).join(''),
      { mode: 0o640 },
    );
    for (const head of heads) {
      if (this.waiting.get(head.teamId) === head) this.waiting.delete(head.teamId);
    }
    return heads;
  }

  /** The newest head of a team that is known outside the database; null when there is none yet. */
  async newest(teamId: string): Promise<SealHeader | null> {
    const written = await this.newestWritten(teamId);
    const recent = this.recent.get(teamId) ?? null;
    if (written === null || recent === null) return written ?? recent;
    return recent.seq > written.seq ? recent : written;
  }

  private async newestWritten(teamId: string): Promise<SealHeader | null> {
    const names = await readdir(this.directory).catch((): string[] => []);
    for (const name of names
      .filter((file) => FILE.test(file))
      .sort()
      .toReversed()) {
      let found: SealHeader | null = null;
      const lines = createInterface({ input: createReadStream(join(this.directory, name)) });
      for await (const line of lines) {
        if (line.includes(`"teamId":"${teamId}"`)) found = this.read(line, teamId) ?? found;
      }
      if (found) return found;
    }
    return null;
  }

  /** A torn line, or one that we did not sign, says nothing. */
  private read(line: string, teamId: string): SealHeader | null {
    try {
      const head = JSON.parse(line) as SealHeader;
      return head.teamId === teamId && this.keys.isSigned(head) ? headerOf(head) : null;
    } catch {
      return null;
    }
  }
}
