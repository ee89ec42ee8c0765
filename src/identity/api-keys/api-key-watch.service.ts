import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { SecurityEvents } from '../../oversight/security-events/security-events.service.js';
import { Clock } from '../../platform/clock/clock.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import { rateLimitSubject } from '../../platform/net/cidr.js';

/** Whose key it is; the team that owns it, also for a sandbox key. */
export interface WatchedKey {
  readonly apiKeyId: string;
  readonly ownerTeamId: string;
  readonly userId: string;
}

/** The same thing from the same place is told once in this time, so that a busy key cannot flood the officers. */
const QUIET_MS = 60_000;
const MAX_REMEMBERED = 10_000;

/** Tells the team's officers what is odd about the use of a key. It never makes a request wait or fail. */
@Injectable()
export class ApiKeyWatch {
  private readonly told = new LRUCache<string, number>({ max: MAX_REMEMBERED });

  constructor(
    private readonly events: SecurityEvents,
    private readonly clock: Clock,
  ) {}

  /** A key came from an address outside its list; `observed` when its mode let it pass. */
  addressNotAllowed(key: WatchedKey, context: RequestContext, observed: boolean): void {
    if (!this.isNews(key, context, observed ? 'observed' : 'refused')) return;
    const severity = observed ? 'low' : 'medium';
    this.events.record({ ...factsOf(key, context), type: 'ip_not_allowed', severity, details: { observed } });
  }

  /** Whoever uses a revoked key holds something they should not, or missed the change. */
  usedAfterRevocation(key: WatchedKey, context: RequestContext): void {
    if (!this.isNews(key, context, 'revoked')) return;
    const details = { reason: 'revoked_api_key_used' };
    this.events.record({ ...factsOf(key, context), type: 'suspicious_activity', severity: 'high', details });
  }

  private isNews(key: WatchedKey, context: RequestContext, what: string): boolean {
    const subject = `${what}|${key.apiKeyId}|${rateLimitSubject(context.ipAddress)}`;
    const nowMs = this.clock.nowMs();
    const lastMs = this.told.get(subject);
    if (lastMs !== undefined && nowMs - lastMs < QUIET_MS) return false;
    this.told.set(subject, nowMs);
    return true;
  }
}

function factsOf(key: WatchedKey, context: RequestContext) {
  return {
    teamId: key.ownerTeamId,
    userId: key.userId,
    apiKeyId: key.apiKeyId,
    ipAddress: context.ipAddress,
    userAgent: context.userAgent,
    requestId: context.requestId,
  };
}
