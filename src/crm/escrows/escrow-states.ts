import { illegalTransition } from '../records/record.service.js';
import type { EscrowStatus } from './escrow.entity.js';

/**
 * What may follow a status. Contingencies are cleared before a sale closes, and may come up again until then;
 * a closed or cancelled escrow is history.
 */
export const ESCROW_TRANSITIONS: Readonly<Record<EscrowStatus, readonly EscrowStatus[]>> = {
  open: ['contingent', 'cleared', 'cancelled'],
  contingent: ['cleared', 'cancelled'],
  cleared: ['contingent', 'closed', 'cancelled'],
  closed: [],
  cancelled: [],
};

/** @throws ApiError 409 `ILLEGAL_TRANSITION` */
export function assertTransition(from: EscrowStatus, to: EscrowStatus): void {
  const allowed = ESCROW_TRANSITIONS[from];
  if (from !== to && !allowed.includes(to)) throw illegalTransition(from, to, allowed);
}
