import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { Clock } from '../../platform/clock/clock.js';
import { Config } from '../../platform/config/config.js';
import { Database } from '../../platform/database/database.js';
import { invalidate, Invalidations } from '../../platform/database/invalidations.js';
import { ApiError, notFound } from '../../platform/http/api-error.js';
import { doneAfter } from '../../platform/http/hook-done.js';
import { type AddressList, addressList, parseCidr, rateLimitSubject } from '../../platform/net/cidr.js';
import { factsOf, SecurityEvents } from '../security-events/security-events.service.js';
import { IpBlocks } from './ip-blocks.service.js';
import { type Trap, trapOf } from './traps.js';

const SCANNER_HITS = 3;
const SCANNER_WINDOW_MS = 10 * 60_000;
const MAX_SCANNERS = 50_000;
const HIT_NOTICE = 'ip_hit:';
/** A load balancer must be able to ask whether we live, whatever its address did. */
const NEVER_BLOCKED: ReadonlySet<string> = new Set(['/healthz', '/readyz']);

/** Who a caller is as far as a block is concerned; `identity` knows how to find out. */
export interface CallerCheck {
  /** Whether the request carries a credential that is valid now, or signs in from a browser that did before. */
  isKnown(request: FastifyRequest): Promise<boolean>;
}

/** Why an address that walked into a trap is not blocked. */
type Spared = 'authenticated' | 'allow_list' | 'cross_site';

/**
 * The first check of every request: blocked addresses stay out unless they prove who they are, and traps are
 * recorded. Nothing here reads the database unless a blocked address shows a credential or a trap was stepped on.
 */
@Injectable()
export class IpGate {
  private readonly instance = randomUUID();
  private readonly allowed: AddressList;
  private readonly hits = new LRUCache<string, number[]>({ max: MAX_SCANNERS });
  private readonly checks: CallerCheck[] = [];

  constructor(
    private readonly blocks: IpBlocks,
    private readonly events: SecurityEvents,
    private readonly clock: Clock,
    private readonly database: Database,
    config: Config,
    invalidations: Invalidations,
  ) {
    this.allowed = addressList(config.ipBlockAllowlist.flatMap((text) => parseCidr(text) ?? []));
    invalidations.subscribe((subject) => {
      if (subject?.startsWith(HIT_NOTICE)) this.hearHit(subject.slice(HIT_NOTICE.length));
    });
  }

  /** Adds a way to recognise callers. */
  recognise(check: CallerCheck): void {
    this.checks.push(check);
  }

  /** The hook; `done` hears of ApiError 403 `IP_BLOCKED`, and of 404 for the back door. Nearly every request passes at once. */
  onRequest(request: FastifyRequest, done: (error?: Error) => void): void {
    const left = this.blocks.remainingMs(request.context.ipAddress);
    const trap = trapOf(request.method, request.url);
    if (left === null && trap === null) return done();
    void doneAfter(this.inspect(request, left, trap), done);
  }

  private async inspect(request: FastifyRequest, left: number | null, trap: Trap | null): Promise<void> {
    if (left !== null && !NEVER_BLOCKED.has(request.url) && !(await this.isSpared(request))) {
      throw new ApiError('IP_BLOCKED', 'Requests from your address are blocked for a while.', {
        headers: { 'retry-after': String(Math.ceil(left / 1000)) },
      });
    }
    if (trap === null) return;
    await this.spring(trap, request);
    if (trap === 'backdoor') throw notFound();
  }

  private async isSpared(request: FastifyRequest): Promise<boolean> {
    return this.allowed.has(request.context.ipAddress) || (await this.isKnown(request));
  }

  private async isKnown(request: FastifyRequest): Promise<boolean> {
    const { authorization, cookie, 'x-api-key': key } = request.headers;
    if (authorization === undefined && cookie === undefined && key === undefined) return false;
    for (const check of this.checks) if (await check.isKnown(request)) return true;
    return false;
  }

  private async spring(trap: Trap, request: FastifyRequest): Promise<void> {
    const spared = await this.sparedReason(request);
    this.events.record({
      ...factsOf(request),
      type: 'honeypot_triggered',
      details: { trap, path: pathOf(request), ...(spared ? { spared } : {}) },
    });
    if (spared !== null || trap === 'admin_users') return;
    if (trap === 'backdoor' || this.countHit(request.context.ipAddress)) this.blocks.block(request, trap);
  }

  /** A form on another site makes its visitors post here; they are victims, not attackers. */
  private async sparedReason(request: FastifyRequest): Promise<Spared | null> {
    if (request.headers['sec-fetch-site'] === 'cross-site') return 'cross_site';

    if (this.allowed.has(request.context.ipAddress)) return 'allow_list';
    return (await this.isKnown(request)) ? 'authenticated' : null;
  }

  /** @returns whether this hit is one too many */
  private countHit(address: string): boolean {
    const subject = rateLimitSubject(address);
    const many = this.addHit(subject);
    // The others count too, or a scanner would get three tries on each of them.
    const notice = invalidate(`${HIT_NOTICE}${this.instance}|${subject}`);
    void this.database.runOne(notice).catch(() => undefined);
    return many;
  }

  private hearHit(notice: string): void {
    const [instance, subject] = notice.split('|', 2);
    if (instance !== this.instance && subject) this.addHit(subject);
  }

  private addHit(subject: string): boolean {
    const now = this.clock.nowMs();
    const recent = (this.hits.get(subject) ?? []).filter((at) => now - at < SCANNER_WINDOW_MS);
    recent.push(now);
    if (recent.length < SCANNER_HITS) {
      this.hits.set(subject, recent);
      return false;
    }
    this.hits.delete(subject);
    return true;
  }
}

/** Scanners' paths hold nobody's data, unlike the paths of our own routes. */
function pathOf(request: FastifyRequest): string {
  return request.url.replace(/[?#].*$/s, '').slice(0, 200);
}
