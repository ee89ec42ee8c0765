import type { AuthMethod } from '../context/principal.js';
import type { Statement } from './statement.js';

export const CHANGE_ACTIONS = ['CREATE', 'UPDATE', 'DELETE'] as const;
export type ChangeAction = (typeof CHANGE_ACTIONS)[number];

/** One changed entity, as the audit log will keep it. */
export interface RecordedChange {
  /** Id of the audit row (UUIDv7); sealed values are bound to it. */
  readonly id: string;
  readonly action: ChangeAction;
  readonly resourceType: string;
  readonly resourceId: string;
  /** Changed fields before and after; null where there is no such side. Plain values only, no personal data. */
  readonly oldValues: Record<string, unknown> | null;
  readonly newValues: Record<string, unknown> | null;
  /** Personal fields before and after, sealed under the subject's data key; null when none changed. */
  readonly sealed: Buffer | null;
}

/** Who acts, for the audit row. */
export interface Actor {
  readonly teamId: string;
  readonly userId: string | null;
  readonly apiKeyId: string | null;
  readonly authMethod: AuthMethod | 'system';
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly requestId: string;
}

/** The installation itself, for what jobs and commands change. @param requestId what ran, such as a job's id */
export function systemActor(teamId: string, requestId: string): Actor {
  return {
    teamId,
    userId: null,
    apiKeyId: null,
    authMethod: 'system',
    ipAddress: null,
    userAgent: null,
    requestId,
  };
}

/** Port of the audit log: `oversight` implements it, the unit of work calls it. */
export abstract class ChangeRecorder {
  /** The statements that write the audit rows of these changes; they run in the transaction of the change. */
  abstract statements(actor: Actor, changes: readonly RecordedChange[]): Statement[];
}
