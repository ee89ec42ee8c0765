import type { MailContent } from '../../platform/mail/mail.js';
import type { EventRow } from '../security-events/event-buffer.js';
import { EVENT_TYPES, type SecurityEventType } from '../security-events/event-types.js';
import type { AlertMessage } from './alert-webhooks.js';
import type { Digest } from './digest.js';

/** Types and addresses that a mail lists; the API has the rest. */
const LISTED_TYPES = 15;

export function alertMail(row: EventRow): MailContent {
  const where = row.teamId === null ? 'on your installation' : 'in your team';
  return {
    kind: 'security-alert',
    subject: `Security event: ${wordsOf(row.type)} (${row.severity})`,
    paragraphs: [`Something happened ${where} that you asked to be told of.`],
    facts: [
      ['Event', row.type],
      ['Severity', row.severity],
      ['Time', new Date(row.createdAtMs).toISOString()],
      ['Address', row.ipAddress ?? 'unknown'],
      ['Request', row.requestId ?? 'none'],
    ],
    closing:
      'More of the same within 15 minutes is not mailed again; the list of security events has it all.',
  };
}

export function alertMessage(row: EventRow): AlertMessage {
  const { id, type, severity, teamId, userId, apiKeyId, ipAddress, requestId } = row;
  const meaning = EVENT_TYPES[type as SecurityEventType]?.meaning ?? null;
  const data = { id, event: type, severity, meaning, teamId, userId, apiKeyId, ipAddress, requestId };
  return { type: 'security_event.alert', timestamp: new Date(row.createdAtMs).toISOString(), data };
}

export function digestMail(digest: Digest): MailContent {
  const { day, total, bySeverity, byType, topAddresses } = digest;
  const more = byType.length - LISTED_TYPES;
  return {
    kind: 'security-digest',
    subject: `Security digest of ${day}: ${total} ${total === 1 ? 'event' : 'events'}`,
    paragraphs: [
      total === 0
        ? `Nothing was recorded in your team on ${day} (UTC).`
        : `What was recorded in your team on ${day} (UTC), by severity, type and address.`,
    ],
    facts: [
      ...Object.entries(bySeverity).map(([severity, count]): [string, string] => [severity, String(count)]),
      ...byType
        .slice(0, LISTED_TYPES)
        .map(({ type, count }): [string, string] => [wordsOf(type), String(count)]),
      ...(more > 0 ? [['other types', String(more)] as [string, string]] : []),
      ...topAddresses.map(({ address, count }): [string, string] => [address, String(count)]),
    ],
    closing:
      'It is sent every day, so that a missing one is noticed. The list of security events has the details.',
  };
}

export function digestMessage(teamId: string, digest: Digest): AlertMessage {
  return { type: 'security_events.digest', timestamp: digest.until, data: { teamId, ...digest } };
}

function wordsOf(type: string): string {
  return type.replaceAll('_', ' ');
}
