import type { SecurityEvents } from '../security-events/security-events.service.js';

/** Raises the alarm: the log no longer matches its seals, or holds a row that this application did not write. */
export function reportTampering(events: SecurityEvents, teamId: string, firstBrokenId: string): void {
  events.record({
    type: 'audit_tampering',
    teamId,
    userId: null,
    ipAddress: null,
    requestId: null,
    details: { firstBrokenId },
  });
}
