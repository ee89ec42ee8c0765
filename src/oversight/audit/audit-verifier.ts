import { Injectable } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import { SecurityEvents } from '../security-events/security-events.service.js';
import type { VerificationView } from './dto/verification.view.js';
import { LogCheck } from './log-check.js';
import { reportTampering } from './tampering.js';

/** Checks logs for callers, and raises the alarm when one is not whole. */
@Injectable()
export class AuditVerifier {
  private readonly running = new Map<string, Promise<VerificationView>>();

  constructor(
    private readonly logs: LogCheck,
    private readonly events: SecurityEvents,
  ) {}

  /** Callers who ask while a check of their team runs share its result. */
  verify(context: RequestContext): Promise<VerificationView> {
    const { teamId } = context.principal;
    let check = this.running.get(teamId);
    if (!check) {
      check = this.check(teamId).finally(() => this.running.delete(teamId));
      this.running.set(teamId, check);
    }
    return check;
  }

  private async check(teamId: string): Promise<VerificationView> {
    const result = await this.logs.check(teamId);
    if (result.firstBrokenId !== null) reportTampering(this.events, teamId, result.firstBrokenId);
    return result;
  }
}
