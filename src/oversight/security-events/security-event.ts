import type { SecurityEventType, Severity } from './event-types.js';

export type { Severity } from './event-types.js';

/** Something an officer may ask about. Details are facts of the event, never secrets or personal data. */
export interface SecurityEvent {
  readonly type: SecurityEventType;
  /** Overrides the severity of the type's registry entry. */
  readonly severity?: Severity;
  /** Null for events before a team is known. */
  readonly teamId: string | null;
  readonly userId: string | null;
  readonly apiKeyId?: string | null;
  readonly ipAddress: string | null;
  readonly userAgent?: string | null;
  readonly requestId: string | null;
  readonly details?: Readonly<Record<string, string | number | boolean | null>>;
}
