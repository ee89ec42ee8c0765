import { Injectable } from '@nestjs/common';
import { SecurityEvents } from '../../oversight/security-events/security-events.service.js';
import type { RequestContext } from '../../platform/context/request-context.js';

/** Whose key it is; the team that owns it, also for a sandbox key. */
export interface WatchedKey {
  readonly apiKeyId: string;
  readonly ownerTeamId: string;
  readonly userId: string;
}

/** Tells the team's officers what is odd about the use of a key; it never makes a request wait. Floods are summed up by the event buffer. */
@Injectable()
export class ApiKeyWatch {
  constructor(private readonly events: SecurityEvents) {}

  /** A key came from an address outside its list; `observed` when its mode let it pass. */
  addressNotAllowed(key: WatchedKey, context: RequestContext, observed: boolean): void {
    const facts = { ...factsOf(key, context), type: 'ip_not_allowed' } as const;
    if (observed) this.events.record({ ...facts, severity: 'low', details: { mode: 'observe', observed } });
    else this.events.record({ ...facts, details: { mode: 'enforce', observed } });
  }

  /** Whoever uses a revoked key holds something they should not, or missed the change. */
  usedAfterRevocation(key: WatchedKey, context: RequestContext): void {
    const details = { rule: 'revoked_api_key_used' };
    this.events.record({ ...factsOf(key, context), type: 'suspicious_activity', details });
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
