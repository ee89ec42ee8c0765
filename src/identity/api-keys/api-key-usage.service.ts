import { type BeforeApplicationShutdown, Injectable, type OnModuleInit } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { SecurityEvents } from '../../oversight/security-events/security-events.service.js';
import { Clock } from '../../platform/clock/clock.js';
import { Log } from '../../platform/logging/log.js';
import { enclosingNetwork, normalizeAddress } from '../../platform/net/cidr.js';
import type { WatchedKey } from './api-key-watch.service.js';
import { ApiKeyUsageStore, type KeyUse, type UsageFindings } from './api-key-usage.store.js';

/** How often this process looks whether something is due. */
const TICK_MS = 1000;
/** A key's rows are written at most this often by one process, and at the first use from a new network. */
const LEAST_APART_MS = 60_000;
const HOUR_MS = 3_600_000;
const KEYS_PER_BATCH = 500;
/** Beyond this many keys in one minute further ones are not counted: memory stays bounded. */
const MAX_PENDING = 20_000;
const MAX_REMEMBERED = 50_000;
/** What counts as one network: an office's or a provider's customer range. */
const NETWORK_BITS = { ipv4: 24, ipv6: 48 } as const;

interface Pending {
  readonly key: WatchedKey;
  readonly hours: Map<number, number>;
  lastUsedAtMs: number;
  lastUsedIp: string;
  readonly networks: Map<string, string>;
}

/**
 * Counts what keys do, off the request's path: a request changes a number in memory, a timer writes. What is lost
 * with a killed process is at most a minute of counts; an orderly shutdown writes everything.
 */
@Injectable()
export class ApiKeyUsage implements OnModuleInit, BeforeApplicationShutdown {
  private readonly pending = new Map<string, Pending>();
  private readonly writtenAt = new LRUCache<string, number>({ max: MAX_REMEMBERED });
  private readonly knownNetworks = new LRUCache<string, true>({ max: MAX_REMEMBERED });
  private timer: NodeJS.Timeout | null = null;
  private writing: Promise<void> | null = null;
  private failing = false;
  private stopping = false;

  constructor(
    private readonly store: ApiKeyUsageStore,
    private readonly events: SecurityEvents,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  /** Takes note of one accepted request. */
  record(key: WatchedKey, address: string): void {
    const use = this.pendingOf(key);
    // A socket that is no IP address (a Unix socket) has no network and cannot be stored.
    const ip = normalizeAddress(address);
    if (use === null || ip === null) return;
    const nowMs = this.clock.nowMs();
    const hourMs = nowMs - (nowMs % HOUR_MS);
    use.hours.set(hourMs, (use.hours.get(hourMs) ?? 0) + 1);
    if (nowMs >= use.lastUsedAtMs) {
      use.lastUsedAtMs = nowMs;
      use.lastUsedIp = ip;
    }
    const network = enclosingNetwork(ip, NETWORK_BITS);
    if (network !== null && !this.knownNetworks.has(`${key.apiKeyId}|${network}`)) {
      use.networks.set(network, ip);
    }
    if (this.stopping) void this.flush('all');
  }

  private pendingOf(key: WatchedKey): Pending | null {
    const known = this.pending.get(key.apiKeyId);
    if (known) return known;
    if (this.pending.size >= MAX_PENDING) return null;
    const fresh: Pending = { key, hours: new Map(), lastUsedAtMs: 0, lastUsedIp: '', networks: new Map() };
    this.pending.set(key.apiKeyId, fresh);
    return fresh;
  }

  onModuleInit(): void {
    this.timer = setInterval(() => void this.flush('due'), TICK_MS);
    this.timer.unref();
  }

  /** Requests that still run write theirs at once from here on. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    if (this.timer) clearInterval(this.timer);
    await this.flush('all');
  }

  private async flush(which: 'due' | 'all'): Promise<void> {
    if (which === 'due' && this.writing) return;
    while (this.writing) await this.writing;
    this.writing = this.drain(which).finally(() => {
      this.writing = null;
    });
    await this.writing;
  }

  /** A batch that cannot be written waits for the next tick; counted twice is better than lost after a broken commit. */
  private async drain(which: 'due' | 'all'): Promise<void> {
    const nowMs = this.clock.nowMs();
    const due = [...this.pending.values()].filter((use) => which === 'all' || this.isDue(use, nowMs));
    // One order for all instances, so that two of them never wait for each other's rows.
    due.sort((a, b) => (a.key.apiKeyId < b.key.apiKeyId ? -1 : 1));
    for (let start = 0; start < due.length; start += KEYS_PER_BATCH) {
      const batch = due.slice(start, start + KEYS_PER_BATCH);
      for (const use of batch) this.pending.delete(use.key.apiKeyId);
      try {
        const findings = await this.store.write(batch.map(useOf), nowMs);
        this.settle(batch, findings, nowMs);
        this.failing = false;
      } catch (error) {
        for (const use of batch) this.putBack(use);
        if (!this.failing) this.log.error({ err: error }, 'the use of API keys cannot be written; it waits');
        this.failing = true;
        return;
      }
    }
  }

  /** A network that may be new does not wait for its minute: somebody wants to hear of it. */
  private isDue(use: Pending, nowMs: number): boolean {
    const writtenAtMs = this.writtenAt.get(use.key.apiKeyId);
    return writtenAtMs === undefined || nowMs - writtenAtMs >= LEAST_APART_MS || use.networks.size > 0;
  }

  private settle(batch: readonly Pending[], findings: UsageFindings, nowMs: number): void {
    const byId = new Map(batch.map((use) => [use.key.apiKeyId, use]));
    for (const use of batch) {
      const { apiKeyId } = use.key;
      this.writtenAt.set(apiKeyId, nowMs);
      for (const network of use.networks.keys()) this.knownNetworks.set(`${apiKeyId}|${network}`, true);
    }
    for (const { apiKeyId, count, usual } of findings.spikes) {
      const use = byId.get(apiKeyId);
      if (use) this.tell(use, 'api_key_usage_spike', use.lastUsedIp, { count, usual });
    }
    for (const { apiKeyId, network } of findings.newNetworks) {
      const use = byId.get(apiKeyId);
      if (use) this.tell(use, 'unusual_ip', use.networks.get(network) ?? use.lastUsedIp, { network });
    }
  }

  private tell(
    use: Pending,
    type: 'api_key_usage_spike' | 'unusual_ip',
    ipAddress: string,
    details: Record<string, string | number>,
  ): void {
    const { ownerTeamId, userId, apiKeyId } = use.key;
    this.events.record({ type, teamId: ownerTeamId, userId, apiKeyId, ipAddress, requestId: null, details });
  }

  /** Joins what could not be written with what came since. */
  private putBack(use: Pending): void {
    const current = this.pendingOf(use.key);
    if (current === null) return;
    for (const [hourMs, count] of use.hours) {
      current.hours.set(hourMs, (current.hours.get(hourMs) ?? 0) + count);
    }
    for (const [network, ip] of use.networks) current.networks.set(network, ip);
    if (use.lastUsedAtMs > current.lastUsedAtMs) {
      current.lastUsedAtMs = use.lastUsedAtMs;
      current.lastUsedIp = use.lastUsedIp;
    }
  }
}

function useOf({ key, hours, lastUsedAtMs, lastUsedIp, networks }: Pending): KeyUse {
  const { apiKeyId, ownerTeamId, userId } = key;
  return { apiKeyId, ownerTeamId, userId, hours, lastUsedAtMs, lastUsedIp, networks };
}
