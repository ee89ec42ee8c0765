import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Clock } from '../../../platform/clock/clock.js';
import { Config } from '../../../platform/config/config.js';
import { ADVISORY_LOCK } from '../../../platform/database/advisory-locks.js';
import { DatabaseAddress } from '../../../platform/database/database-address.js';
import { isContention } from '../../../platform/database/database-errors.js';
import { Log } from '../../../platform/logging/log.js';
import { OutboundHttp } from '../../../platform/net/outbound-http.js';
import { OutboundGuard } from '../../../platform/net/outbound-url.js';
import { SecurityEvents } from '../../security-events/security-events.service.js';
import { AuditKeys } from '../audit-keys.js';
import { LeaderLoop } from '../leader-loop.js';
import { SealedLog } from '../sealed-log.js';
import { compose } from './delivery.js';
import { type Failing, ForwardStore } from './forward-store.js';
import { KeyOrder } from './key-order.js';
import { makeReceiver } from './make-receiver.js';
import { DeliveryError, failureCode, type Receiver } from './receiver.js';
import { RowAlarm } from './row-alarm.js';

const MAX_BACK_OFF_MS = 30_000;
/** Deliveries that fail this long are a matter for people. */
const STUCK_MS = 10 * 60_000;
const REPORT_EVERY_MS = 60 * 60_000;

/**
 * Forwards the sealed audit log of all teams to the operator's receiver, at least once and in the order of sealing.
 * One instance leads (an advisory lock of its session). The position is in the database and moves only after the
 * receiver has accepted what lies before it, so whoever leads next repeats at most one delivery and skips none.
 */
@Injectable()
export class AuditForwarder implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly abort = new AbortController();
  private loop: LeaderLoop | null = null;
  private failures = 0;
  private retryAtMs = 0;

  constructor(
    private readonly config: Config,
    private readonly address: DatabaseAddress,
    private readonly keys: AuditKeys,
    private readonly sealedLog: SealedLog,
    private readonly alarm: RowAlarm,
    private readonly guard: OutboundGuard,
    private readonly http: OutboundHttp,
    private readonly events: SecurityEvents,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  /** @throws ForwardingSettingsError */
  onApplicationBootstrap(): void {
    if (this.config.auditForwardUrl === null || this.config.role === 'api') return;
    const { config, guard, http, clock } = this;
    const receiver = makeReceiver(this.config.auditForwardUrl, { config, guard, http, clock });
    this.loop = new LeaderLoop(this.address.direct(this.config), this.log, {
      lock: ADVISORY_LOCK.auditForwarding,
      failure: 'the audit log cannot be read for forwarding at the moment',
      turn: (connection) => this.turn(new ForwardStore(connection), receiver),
      // Without a connection this cannot be noted either: then the database itself is what is down.
      failed: (connection, error) =>
        this.noteUnreadable(new ForwardStore(connection), error).catch(() => undefined),
    });
    this.loop.start();
  }

  async onApplicationShutdown(): Promise<void> {
    this.abort.abort();
    await this.loop?.stop();
  }

  private async turn(store: ForwardStore, receiver: Receiver): Promise<boolean> {
    if (Date.now() < this.retryAtMs) return true;
    while (!this.abort.signal.aborted && (await this.forward(store, receiver))) {
      // More waits; requests get their turn at each await.
    }
    return true;
  }

  /** Whatever stops the forwarding counts as its failure, so that people hear of it; a faster forwarder does not. */
  private async noteUnreadable(store: ForwardStore, error: unknown): Promise<void> {
    if (this.abort.signal.aborted || isContention(error)) return;
    await this.noteFailure(store, `UNREADABLE_${failureCode(error)}`, await store.failing());
  }

  /** @returns whether a delivery was accepted, so that more may follow */
  private async forward(store: ForwardStore, receiver: Receiver): Promise<boolean> {
    const { version, seals } = await store.waiting();
    if (seals.length === 0) return false;
    const order = new KeyOrder(this.keys, this.sealedLog);
    const delivery = await compose(
      seals,
      (head) => order.vouchesFor(head),
      (seal) => this.sealedLog.rowsOf(seal),
    );
    const failing = await store.failing();
    try {
      await receiver.deliver(delivery, this.abort.signal);
    } catch (error) {
      if (!(error instanceof DeliveryError)) throw error;
      if (!this.abort.signal.aborted) await this.refused(store, error, failing);
      return false;
    }
    // Before the position moves: an alarm that could not be raised now is raised with the repetition.
    await this.alarm.look(delivery);
    await store.move(version, delivery.end);
    this.accepted(failing);
    return true;
  }

  private async refused(store: ForwardStore, error: DeliveryError, failing: Failing | null): Promise<void> {
    const { code } = error;
    if (this.failures === 0) this.log.error({ code }, 'the audit log cannot be forwarded; it waits');
    this.failures++;
    this.retryAtMs = Date.now() + backOffMs(this.failures);
    await this.noteFailure(store, code, failing);
  }

  private async noteFailure(store: ForwardStore, code: string, failing: Failing | null): Promise<void> {
    const nowMs = this.clock.nowMs();
    const isStuck = failing !== null && nowMs - failing.sinceMs >= STUCK_MS;
    const report = isStuck && nowMs - (failing.reportedAtMs ?? -Infinity) >= REPORT_EVERY_MS;
    if (report) this.report('audit_forwarding_stuck', { code, minutes: minutesSince(failing, nowMs) });
    await store.noteFailure(code, report);
  }

  private accepted(failing: Failing | null): void {
    if (this.failures > 0) this.log.info({}, 'the audit log is forwarded again');
    this.failures = 0;
    this.retryAtMs = 0;
    if (failing !== null && failing.reportedAtMs !== null)
      this.report('audit_forwarding_recovered', { minutes: minutesSince(failing, this.clock.nowMs()) });
  }

  private report(
    type: 'audit_forwarding_stuck' | 'audit_forwarding_recovered',
    details: Readonly<Record<string, string | number>>,
  ): void {
    this.events.record({ type, teamId: null, userId: null, ipAddress: null, requestId: null, details });
  }
}

/** Doubles from one second up to half a minute; jitter keeps many installations from knocking together. */
function backOffMs(failures: number): number {
  const most = Math.min(MAX_BACK_OFF_MS, 1000 * 2 ** (failures - 1));
  return most * (0.5 + Math.random() / 2);
}

function minutesSince(failing: Failing, nowMs: number): number {
  return Math.round((nowMs - failing.sinceMs) / 60_000);
}
