import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Clock } from '../../platform/clock/clock.js';
import { rateLimitSubject } from '../../platform/net/cidr.js';
import type { SecurityEvent } from './security-event.js';
import { SecurityEvents } from './security-events.service.js';

const WINDOW_MS = 15 * 60_000;
/** Failures of one address, and accounts among them, that no person with a bad memory makes. */
const FAILURES = 5;
const ACCOUNTS = 3;
/** Addresses that are watched at once; the one that was quiet longest is forgotten first. */
const MAX_ADDRESSES = 20_000;

interface Failures {
  readonly sinceMs: number;
  readonly accounts: Set<string>;
  readonly teams: Set<string>;
  count: number;
  told: boolean;
}

/**
 * Recognises somebody who tries passwords of many accounts from one address (IPv6: one /64): each account sees too
 * few failures to be locked. Told once in 15 minutes; the limit of failures by address stops them.
 */
@Injectable()
export class FailureRule {
  private readonly addresses = new LRUCache<string, Failures>({ max: MAX_ADDRESSES });

  constructor(
    private readonly events: SecurityEvents,
    private readonly clock: Clock,
  ) {
    events.subscribe((event) => {
      if (event.type === 'login_failed' || event.type === 'two_factor_failed') this.judge(event);
    });
  }

  private judge(event: SecurityEvent): void {
    if (event.ipAddress === null) return;
    const seen = this.failuresOf(rateLimitSubject(event.ipAddress));
    seen.count++;
    const account = event.details?.account ?? event.userId;
    // More than it takes to tell would only cost memory.
    if (typeof account === 'string' && seen.accounts.size < FAILURES) seen.accounts.add(account);
    if (event.teamId !== null && seen.teams.size < 2) seen.teams.add(event.teamId);
    if (seen.told || seen.count < FAILURES || seen.accounts.size < ACCOUNTS) return;
    seen.told = true;
    this.tell(event, seen);
  }

  private tell({ ipAddress, userAgent, requestId }: SecurityEvent, seen: Failures): void {
    // A team hears of it when it is the only one concerned; what spans teams is the platform's.
    const [teamId = null] = seen.teams.size === 1 ? seen.teams : [];
    this.events.record({
      type: 'suspicious_activity',
      teamId,
      userId: null,
      ipAddress,
      userAgent,
      requestId,
      details: { rule: 'failures_across_accounts', count: seen.count, accounts: seen.accounts.size },
    });
  }

  private failuresOf(address: string): Failures {
    const now = this.clock.nowMs();
    const known = this.addresses.get(address);
    if (known && now - known.sinceMs < WINDOW_MS) return known;
    const fresh = {
      sinceMs: now,
      accounts: new Set<string>(),
      teams: new Set<string>(),
      count: 0,
      told: false,
    };
    this.addresses.set(address, fresh);
    return fresh;
  }
}
