import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Invalidations } from '../../platform/database/invalidations.js';

const MAX_ENTRIES = 20_000;
/** A bound on what a defect could leave behind; the notices are what ends an entry. */
const TTL_MS = 60_000;
/** How exactly; by default the cache would start a timer in every millisecond in which it is asked. */
const TTL_RESOLUTION_MS = 1000;

interface Entry<T> {
  readonly value: T;
  readonly subjects: readonly string[];
}

/**
 * What was learned of principals, until a notice says that it changed. A fill that began before a notice is
 * thrown away, and while notices may be missed nothing is served from here.
 */
@Injectable()
export class PrincipalCache {
  private readonly entries = new LRUCache<string, Entry<object>>({
    max: MAX_ENTRIES,
    ttl: TTL_MS,
    ttlResolution: TTL_RESOLUTION_MS,
  });
  private readonly keysBySubject = new Map<string, Set<string>>();
  private epoch = 0;

  constructor(private readonly invalidations: Invalidations) {
    invalidations.subscribe((subject) => this.drop(subject));
  }

  /**
   * The cached value, or what `load` finds. `load` names the subjects (`session:…`, `user:…`, `api_key:…`) whose
   * change ends the entry; null is not cached.
   */
  async get<T extends object>(
    key: string,
    load: () => Promise<{ value: T; subjects: string[] } | null>,
  ): Promise<T | null> {
    const cached = this.peek<T>(key);
    if (cached) return cached;
    const startedAt = this.epoch;
    const found = await load();
    if (found && this.epoch === startedAt && this.invalidations.trusted) this.put(key, found);
    return found?.value ?? null;
  }

  /** The cached value without a look-up, or null. */
  peek<T extends object>(key: string): T | null {
    if (!this.invalidations.trusted) return null;
    return (this.entries.get(key)?.value as T | undefined) ?? null;
  }

  private put(key: string, entry: Entry<object>): void {
    this.entries.set(key, entry);
    for (const subject of entry.subjects) {
      const keys = this.keysBySubject.get(subject) ?? new Set();
      keys.add(key);
      this.keysBySubject.set(subject, keys);
    }
    // The subject map only grows; starting over is cheaper than tracking evictions.
    if (this.keysBySubject.size > MAX_ENTRIES * 4) this.drop(null);
  }

  private drop(subject: string | null): void {
    this.epoch++;
    if (subject === null) {
      this.entries.clear();
      this.keysBySubject.clear();
      return;
    }
    for (const key of this.keysBySubject.get(subject) ?? []) this.entries.delete(key);
    this.keysBySubject.delete(subject);
  }
}
