import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Clock } from '../../platform/clock/clock.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import { Invalidations } from '../../platform/database/invalidations.js';
import { notFound } from '../../platform/http/api-error.js';
import { CursorSigner } from '../../platform/http/cursor.js';
import { Page } from '../../platform/http/page.js';
import { Log } from '../../platform/logging/log.js';
import { rateLimitSubject } from '../../platform/net/cidr.js';
import { factsOf, SecurityEvents } from '../security-events/security-events.service.js';
import { BLOCKS_CHANGED, type IpBlock, IpBlockStore } from './ip-block-store.js';

/** Until the database has said how long a block really is. */
const PROVISIONAL_MS = 15 * 60_000;
const RETRY_MS = 1000;
const CURSOR_LIST = 'ip-blocks';

interface Entry {
  readonly untilMs: number;
  /** Made here; a reading of the database that began earlier than this one knows nothing of it. */
  readonly knownFromReading: number;
}

/** Which addresses are kept out right now: a map in memory, the same on every instance. */
@Injectable()
export class IpBlocks implements OnModuleInit {
  private blocked = new Map<string, Entry>();
  private reading: Promise<void> | null = null;
  private stale = false;
  private readings = 0;

  constructor(
    private readonly store: IpBlockStore,
    private readonly events: SecurityEvents,
    private readonly clock: Clock,
    private readonly cursors: CursorSigner,
    private readonly log: Log,
    invalidations: Invalidations,
  ) {
    // Null: notices may have been missed. The list is read again, and what is known stands until then.
    invalidations.subscribe((subject) => {
      if (subject === null || subject === BLOCKS_CHANGED) void this.refresh();
    });
  }

  async onModuleInit(): Promise<void> {
    await this.refresh();
  }

  /** Milliseconds until the address may come back, or null when it is not blocked. No database read. */
  remainingMs(address: string): number | null {
    if (this.blocked.size === 0) return null;
    const entry = this.blocked.get(rateLimitSubject(address));
    const left = entry === undefined ? 0 : entry.untilMs - this.clock.nowMs();
    return left > 0 ? left : null;
  }

  /** Keeps the address out from this moment; how long for, and the other instances, follow within milliseconds. */
  block(request: FastifyRequest, reason: string): void {
    const subject = rateLimitSubject(request.context.ipAddress);
    if (this.remainingMs(request.context.ipAddress) !== null) return;
    this.blocked.set(subject, {
      untilMs: this.clock.nowMs() + PROVISIONAL_MS,
      knownFromReading: Number.POSITIVE_INFINITY,
    });
    void this.persist(subject, reason, request).catch((error: unknown) =>
      this.log.error({ err: error }, 'a block is known to this instance only'),
    );
  }

  private async persist(subject: string, reason: string, request: FastifyRequest): Promise<void> {
    const facts = factsOf(request);
    const block = await this.store.block(subject, reason, request.context.requestId, this.clock.nowIso());
    if (block === null) {
      // Another instance was faster; what it wrote is read.
      this.blocked.delete(subject);
      await this.refresh();
      return;
    }
    const untilMs = Date.parse(block.blockedUntil);
    this.blocked.set(subject, { untilMs, knownFromReading: this.readings + 1 });
    const minutes = Math.round((untilMs - Date.parse(block.blockedAt)) / 60_000);
    const details = { subject, reason, minutes, offence: block.offence };
    this.events.record({ ...facts, type: 'ip_blocked', details });
  }

  /** A page of the active blocks, newest first. */
  async list(limit: number, cursor: string | undefined): Promise<Page<IpBlock>> {
    const after = cursor === undefined ? null : this.cursors.verify(CURSOR_LIST, cursor)[0];
    const rows = await this.store.page(this.clock.nowIso(), limit + 1, after);
    const items = rows.slice(0, limit);
    const last = items.at(-1);
    return new Page(
      items,
      rows.length > limit && last ? this.cursors.sign(CURSOR_LIST, [last.id]) : null,
      limit,
    );
  }

  /** Lets an address back in at once. @throws ApiError 404 when there is no such active block */
  async release(context: RequestContext, id: string): Promise<IpBlock> {
    const block = await this.store.release(id, context.principal.userId, this.clock.nowIso());
    if (block === null) throw notFound();
    this.blocked.delete(block.subject);
    const { teamId, userId } = context.principal;
    this.events.record({
      type: 'ip_unblocked',
      teamId,
      userId,
      ipAddress: context.ipAddress,
      userAgent: context.userAgent,
      requestId: context.requestId,
      details: { subject: block.subject },
    });
    return block;
  }

  /** Reads the list again; notices that arrive meanwhile lead to one more reading. */
  private async refresh(): Promise<void> {
    this.stale = true;
    this.reading ??= this.readAll().finally(() => {
      this.reading = null;
    });
    await this.reading;
  }

  private async readAll(): Promise<void> {
    while (this.stale) {
      this.stale = false;
      const reading = ++this.readings;
      try {
        const rows = await this.store.active(this.clock.nowIso());
        const next = new Map<string, Entry>();
        for (const [subject, entry] of this.blocked) {
          if (entry.knownFromReading > reading) next.set(subject, entry);
        }
        for (const row of rows) {
          next.set(row.subject, { untilMs: Date.parse(row.blockedUntil), knownFromReading: 0 });
        }
        this.blocked = next;
      } catch (error) {
        this.log.error({ err: error }, 'the list of blocked addresses cannot be read; the last one stands');
        setTimeout(() => void this.refresh(), RETRY_MS).unref();
        return;
      }
    }
  }
}
