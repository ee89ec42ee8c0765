import { Injectable } from '@nestjs/common';
import { SecurityEvents } from '../../oversight/security-events/security-events.service.js';
import type { RequestContext } from '../../platform/context/request-context.js';

/** Reports unmasked personal data that an API key was shown; the event buffer counts what repeats. */
@Injectable()
export class SensitiveReads {
  constructor(private readonly events: SecurityEvents) {}

  note(context: RequestContext, resource: string): void {
    const { teamId, userId, apiKeyId } = context.principal;
    if (apiKeyId === null) return;
    this.events.record({
      type: 'sensitive_data_access',
      teamId,
      userId,
      apiKeyId,
      ipAddress: context.ipAddress,
      userAgent: context.userAgent,
      requestId: context.requestId,
      details: { resourceType: resource },
    });
  }
}
