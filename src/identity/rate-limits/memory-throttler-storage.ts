import type { ThrottlerStorage } from '@nestjs/throttler';
import { LRUCache } from 'lru-cache';

type Hit = Awaited<ReturnType<ThrottlerStorage['increment']>>;

interface Window {
  hits: number;
  readonly endsAtMs: number;
}

/** Beyond this many subjects the longest unused are forgotten: memory stays bounded under a flood of addresses. */
const MAX_SUBJECTS = 100_000;

/** Fixed windows in this process. The library's own storage starts a timer per hit; this one starts none. */
export class MemoryThrottlerStorage implements ThrottlerStorage {
  private readonly windows = new LRUCache<string, Window>({ max: MAX_SUBJECTS });

  /** @param ttl window in milliseconds */
  increment(key: string, ttl: number, limit: number): Promise<Hit> {
    const now = Date.now();
    let window = this.windows.get(key);
    if (window === undefined || window.endsAtMs <= now) {
      window = { hits: 0, endsAtMs: now + ttl };
      this.windows.set(key, window);
    }
    window.hits++;
    const timeToExpire = Math.ceil((window.endsAtMs - now) / 1000);
    const isBlocked = window.hits > limit;
    return Promise.resolve({
      totalHits: window.hits,
      timeToExpire,
      isBlocked,
      timeToBlockExpire: isBlocked ? timeToExpire : 0,
    });
  }

  /** Takes over that a running window has seen this many hits elsewhere. */
  raise(key: string, hits: number): void {
    const window = this.windows.get(key);
    if (window !== undefined) window.hits = Math.max(window.hits, hits);
  }
}
