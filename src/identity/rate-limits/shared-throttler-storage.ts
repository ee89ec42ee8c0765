import { Injectable } from '@nestjs/common';
import type { ThrottlerStorage } from '@nestjs/throttler';
import { Redis } from '../../platform/redis/redis.js';
import { MemoryThrottlerStorage } from './memory-throttler-storage.js';

type Hit = Awaited<ReturnType<ThrottlerStorage['increment']>>;

const PREFIX = 'latchkey:limit:';

/** One step in Redis, so that no two instances can both take the last hit, and a window always ends. */
const COUNT = `
local hits = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return {hits, left}`;

/**
 * Windows shared by all instances through Redis; without Redis, and while it is away, windows of this process. Each
 * hit is also counted here, with what Redis knew of others, so that losing Redis hands nobody a fresh allowance.
 */
@Injectable()
export class SharedThrottlerStorage implements ThrottlerStorage {
  private readonly local = new MemoryThrottlerStorage();

  constructor(private readonly redis: Redis) {}

  /** @param ttl window in milliseconds */
  async increment(key: string, ttl: number, limit: number): Promise<Hit> {
    const own = await this.local.increment(key, ttl, limit);
    if (!this.redis.isConfigured) return own;
    const answer = await this.redis.ask((client) => client.eval(COUNT, 1, PREFIX + key, ttl));
    if (answer === null) return own;
    const [totalHits, leftMs] = answer as [number, number];
    this.local.raise(key, totalHits);
    const timeToExpire = Math.ceil(leftMs / 1000);
    const isBlocked = totalHits > limit;
    return { totalHits, timeToExpire, isBlocked, timeToBlockExpire: isBlocked ? timeToExpire : 0 };
  }
}
