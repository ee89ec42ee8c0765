import { type BeforeApplicationShutdown, Injectable, type OnModuleInit } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { Clock } from '../../platform/clock/clock.js';
import { Log } from '../../platform/logging/log.js';
import { EventBuffer, type EventRow } from './event-buffer.js';
import { EventStore } from './event-store.js';
import type { SecurityEvent } from './security-event.js';

/** Events wait at most this long in memory. */
const FLUSH_INTERVAL_MS = 250;
/** A refusal follows what a handler recorded within this time. */
const REQUEST_LIFE_MS = 15_000;
const ROWS_PER_BATCH = 500;
/** After a failure the next attempt waits, up to this long. */
const MAX_BACK_OFF_MS = 10_000;

type Listener = (event: SecurityEvent, row: EventRow | null) => void;

/**
 * Records security events. It never throws and never makes a request wait: events go into a bounded buffer and
 * from there, in batches, into transactions of their own, so that a refused request's rollback does not forget why.
 */
@Injectable()
export class SecurityEvents implements OnModuleInit, BeforeApplicationShutdown {
  private readonly buffer = new EventBuffer();
  private readonly listeners: Listener[] = [];
  private readonly recorded = new LRUCache<string, true>({
    max: 5000,
    ttl: REQUEST_LIFE_MS,
    ttlResolution: 1000,
  });
  private timer: NodeJS.Timeout | null = null;
  private writing: Promise<void> | null = null;
  private failures = 0;
  private retryAtMs = 0;
  private stopping = false;

  constructor(
    private readonly log: Log,
    private readonly clock: Clock,
    private readonly store: EventStore,
  ) {}

  /** Takes the event in and returns at once. Its text ends in the log, the table and perhaps in a mail. */
  record(event: SecurityEvent): void {
    this.recorded.set(`${event.type}|${event.requestId}`, true);
    this.take(event);
  }

  private take(event: SecurityEvent): void {
    try {
      const row = this.buffer.add(event, this.clock.nowMs());
      if (row) this.log.security(logLine(row));
      for (const listener of this.listeners) listener(event, row);
      if (this.stopping) void this.flush();
    } catch (error) {
      this.log.error({ err: error, type: event.type }, 'a security event could not be recorded');
    }
  }

  /**
   * Records what the refusal of a request means, unless somebody who knew more recorded this type for this request
   * already.
   */
  recordRefusal(event: SecurityEvent): void {
    if (!this.recorded.delete(`${event.type}|${event.requestId}`)) this.take(event);
  }

  /** `listener` sees every event as it is recorded; `row` is null when the event only raised another's count. */
  subscribe(listener: Listener): void {
    this.listeners.push(listener);
  }

  onModuleInit(): void {
    this.timer = setInterval(() => {
      if (this.buffer.size > 0 && Date.now() >= this.retryAtMs) void this.flush();
    }, FLUSH_INTERVAL_MS);
    this.timer.unref();
  }

  /** The requests that are still running may record more; from here on each is written at once. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    if (this.timer) clearInterval(this.timer);
    await this.flush();
  }

  /** Writes everything that waits. Resolves also when the database is away; the rows then wait on. */
  async flush(): Promise<void> {
    while (this.writing) await this.writing;
    this.writing = this.drain().finally(() => {
      this.writing = null;
    });
    await this.writing;
  }

  private async drain(): Promise<void> {
    for (
      let rows = this.buffer.take(ROWS_PER_BATCH);
      rows.length > 0;
      rows = this.buffer.take(ROWS_PER_BATCH)
    ) {
      try {
        await this.store.write(rows);
        this.failures = 0;
      } catch (error) {
        this.buffer.putBack(rows);
        this.failures++;
        this.retryAtMs = Date.now() + Math.min(MAX_BACK_OFF_MS, 250 * 2 ** this.failures);
        if (this.failures === 1)
          this.log.error({ err: error }, 'security events cannot be written; they wait');
        return;
      }
    }
  }
}

function logLine(row: EventRow): object {
  const {
    id,
    type,
    severity,
    teamId,
    userId,
    apiKeyId,
    ipAddress,
    userAgent,
    requestId,
    details,
    aggregatedBy,
  } = row;
  return {
    eventId: id,
    securityEvent: type,
    severity,
    teamId,
    userId,
    apiKeyId,
    ip: ipAddress,
    userAgent,
    requestId,
    aggregatedBy,
    details,
  };
}

/** Who, whence and in which request: the part of an event that a request knows of itself. */
export function factsOf(
  request: FastifyRequest,
): Pick<SecurityEvent, 'teamId' | 'userId' | 'apiKeyId' | 'ipAddress' | 'userAgent' | 'requestId'> {
  const { context } = request;
  const caller = context.principalOrNull;
  return {
    teamId: caller?.teamId ?? null,
    userId: caller?.userId ?? null,
    apiKeyId: caller?.apiKeyId ?? null,
    ipAddress: context.ipAddress,
    userAgent: context.userAgent,
    requestId: context.requestId,
  };
}
