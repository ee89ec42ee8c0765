import { RecordView } from '../../records/record.views.js';

export class ChecklistItemView {
  label: string;
  done: boolean;
  /** ISO 8601, or null. */
  dueAt: string | null;
}

/** A sale on its way to closing. */
export class EscrowView extends RecordView {
  listingId: string | null;
  clientId: string | null;
  escrowNumber: string;
  status: 'open' | 'contingent' | 'cleared' | 'closed' | 'cancelled';
  /** Minor units of `currency`. */
  purchasePrice: number | null;
  /** ISO 4217. */
  currency: string;
  /** ISO 8601, or null. */
  openedAt: string | null;
  /** The day the sale is meant to close. */
  closesAt: string | null;
  /** When it did. */
  closedAt: string | null;
  checklist: ChecklistItemView[];
}
