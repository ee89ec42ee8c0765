import { LRUCache } from 'lru-cache';
import { v7 as uuidv7 } from 'uuid';
import { rateLimitSubject } from '../../platform/net/cidr.js';
import { defaultSeverity, type Severity } from './event-types.js';
import type { SecurityEvent } from './security-event.js';

const MINUTE_MS = 60_000;
/** Events of one caller and type that keep a row each, within a minute. */
const SINGLE_ROWS_PER_CALLER = 5;
/** Rows that one type may make within one team: at once, and again each minute. */
const SINGLE_ROWS = { burst: 60, perMinute: 15 };
const ADDRESS_ROWS = { burst: 30, perMinute: 6 };
const NETWORK_ROWS = { burst: 10, perMinute: 3 };
const LEVELS = [SINGLE_ROWS, ADDRESS_ROWS, NETWORK_ROWS];
/** Teams and types whose budgets are remembered; whoever is forgotten starts with a full one. */
const MAX_BUDGETS = 20_000;
/** Waiting rows beyond which nothing but the coarsest sums are made (the database is away). */
const MAX_WAITING = 5_000;

/** One row to be, with a count that may still rise. */
export interface EventRow {
  readonly id: string;
  readonly teamId: string | null;
  readonly type: string;
  readonly severity: Severity;
  readonly createdAtMs: number;
  lastAtMs: number;
  count: number;
  /** What the row sums up; null for a row of one event. */
  readonly aggregatedBy: 'address' | 'network' | 'type' | null;
  readonly userId: string | null;
  readonly apiKeyId: string | null;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly requestId: string | null;
  readonly details: Readonly<Record<string, string | number | boolean | null>>;
}

interface Budget {
  readonly tokens: [number, number, number];
  refilledAtMs: number;
}

/**
 * Turns events into rows, and a flood into few of them: callers first get a row an event, then one row a minute,
 * then their network does, then all of the type. Every level has a budget by team and type, so an attacker with
 * many addresses makes no more rows than one with few, cannot crowd out another type or team, and no count is lost.
 */
export class EventBuffer {
  private readonly waiting = new Set<EventRow>();
  private readonly sums = new Map<string, EventRow>();
  private readonly singles = new Map<string, number>();
  private readonly budgets = new LRUCache<string, Budget>({ max: MAX_BUDGETS });
  private minute = 0;

  /** Rows that wait for {@link take}. */
  get size(): number {
    return this.waiting.size;
  }

  /** Takes the event in. @returns the row when the event made a new one, null when it was added to another */
  add(event: SecurityEvent, nowMs: number): EventRow | null {
    this.turnMinute(nowMs);
    const severity = event.severity ?? defaultSeverity(event.type);
    const group = `${event.teamId ?? ''}|${event.type}|${severity}`;
    const caller = `${group}|${event.userId ?? ''}|${event.apiKeyId ?? ''}|${event.ipAddress ?? ''}`;
    // First, because what repeats most (reads of personal data by a key) ends here.
    const summed = this.sums.get(caller) ?? null;
    if (summed) return this.raise(summed, nowMs);
    const network = `${group}|net|${networkOf(event.ipAddress)}`;
    const budget = this.budgetOf(`${event.teamId ?? ''}|${event.type}`, nowMs);
    const single = this.singles.get(caller) ?? 0;
    // What is critical is told one by one, as far as the type's budget goes.
    const alone = severity === 'critical' || single < SINGLE_ROWS_PER_CALLER;
    if (alone && this.spend(budget, 0)) {
      this.singles.set(caller, single + 1);
      return this.open(rowOf(event, severity, null, nowMs), null);
    }
    if (this.spend(budget, 1)) return this.open(rowOf(event, severity, 'address', nowMs), caller);
    const ofNetwork = this.sums.get(network);
    if (ofNetwork) return this.raise(ofNetwork, nowMs);
    if (this.spend(budget, 2)) return this.open(rowOf(event, severity, 'network', nowMs), network);
    const ofType = this.sums.get(group);
    if (ofType) return this.raise(ofType, nowMs);
    return this.open(rowOf(event, severity, 'type', nowMs), group);
  }

  /** Up to `most` rows to write. Counts are totals, so writing a row again is harmless. */
  take(most: number): EventRow[] {
    const rows: EventRow[] = [];
    for (const row of this.waiting) {
      if (rows.length === most) break;
      rows.push(row);
      this.waiting.delete(row);
    }
    return rows;
  }

  /** Rows that could not be written wait again. */
  putBack(rows: readonly EventRow[]): void {
    for (const row of rows) this.waiting.add(row);
  }

  private turnMinute(nowMs: number): void {
    const minute = Math.floor(nowMs / MINUTE_MS);
    if (minute === this.minute) return;
    this.minute = minute;
    this.sums.clear();
    this.singles.clear();
  }

  private open(row: EventRow, key: string | null): EventRow {
    this.waiting.add(row);
    if (key !== null) this.sums.set(key, row);
    return row;
  }

  private raise(row: EventRow, nowMs: number): null {
    row.count++;
    row.lastAtMs = nowMs;
    this.waiting.add(row);
    return null;
  }

  private spend(budget: Budget, level: 0 | 1 | 2): boolean {
    if (budget.tokens[level] < 1 || this.waiting.size >= MAX_WAITING) return false;
    budget.tokens[level]--;
    return true;
  }

  private budgetOf(key: string, nowMs: number): Budget {
    const known = this.budgets.get(key);
    if (known === undefined) {
      const fresh: Budget = {
        tokens: [SINGLE_ROWS.burst, ADDRESS_ROWS.burst, NETWORK_ROWS.burst],
        refilledAtMs: nowMs,
      };
      this.budgets.set(key, fresh);
      return fresh;
    }
    const minutes = Math.max(0, nowMs - known.refilledAtMs) / MINUTE_MS;
    known.refilledAtMs = nowMs;
    for (const [level, { burst, perMinute }] of LEVELS.entries()) {
      known.tokens[level] = Math.min(burst, known.tokens[level] + minutes * perMinute);
    }
    return known;
  }
}

function rowOf(
  event: SecurityEvent,
  severity: Severity,
  aggregatedBy: EventRow['aggregatedBy'],
  nowMs: number,
): EventRow {
  const coarse = aggregatedBy === 'network' || aggregatedBy === 'type';
  return {
    id: uuidv7({ msecs: nowMs }),
    teamId: event.teamId,
    type: event.type,
    severity,
    createdAtMs: nowMs,
    lastAtMs: nowMs,
    count: 1,
    aggregatedBy,
    userId: coarse ? null : event.userId,
    apiKeyId: coarse ? null : (event.apiKeyId ?? null),
    ipAddress: coarse ? null : event.ipAddress,
    userAgent: coarse ? null : (event.userAgent ?? null),
    requestId: event.requestId,
    details:
      aggregatedBy === 'network' ? { network: networkOf(event.ipAddress) } : coarse ? {} : bounded(event),
  };
}

const MAX_DETAIL_LENGTH = 300;

// eslint-disable-next-line no-control-regex -- control characters are what must go
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

/** Details are bound for rows, logs and mails: short, and without control characters. */
function bounded(event: SecurityEvent): EventRow['details'] {
  const entries = Object.entries(event.details ?? {});
  return Object.fromEntries(
    entries.map(([name, value]) => [name, typeof value === 'string' ? clean(value) : value]),
  );
}

function clean(text: string): string {
  return text.slice(0, MAX_DETAIL_LENGTH).replace(CONTROL, '');
}

/** A neighbourhood: the /16 of an IPv4 address, the /32 of an IPv6 one (what a provider is given, RFC 6177). */
export function networkOf(address: string | null): string {
  if (address === null) return 'unknown';
  if (address.includes('.')) return `${address.split('.', 2).join('.')}.0.0/16`;
  const [first = '0', second = '0'] = rateLimitSubject(address).split(':');
  return `${first || '0'}:${second || '0'}::/32`;
}
