import { LeadView } from './lead.view.js';

/** What a merge did, or would do. */
export class MergeView {
  dryRun: boolean;
  /** The lead that stays, as it is afterwards. */
  lead: LeadView;
  /** The lead that is archived. */
  archivedId: string;
  /** Fields of the lead that stays that change. */
  changed: string[];
  /** Appointments that move to it. */
  appointments: number;
}
