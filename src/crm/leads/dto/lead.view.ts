import { RecordView } from '../../records/record.views.js';

/** A lead. Without `leads:pii`, e-mail, phone and last name are masked. */
export class LeadView extends RecordView {
  /** @example Jordan */
  firstName: string;
  /** `Smith`, or `S.` when masked. */
  lastName: string | null;
  /** `jordan@example.com`, or `jo***@example.com` when masked. */
  email: string | null;
  /** E.164, or `+1(555)***-**67` when masked. */
  phone: string | null;
  notes: string | null;
  leadType: 'buyer' | 'seller' | 'renter' | 'investor';
  leadStatus: 'new' | 'contacted' | 'qualified' | 'unqualified' | 'converted' | 'lost';
  source: string | null;
  /** Minor units of `currency`. */
  budgetMin: number | null;
  /** Minor units of `currency`. */
  budgetMax: number | null;
  /** ISO 4217. */
  currency: string;
  tags: string[];
  /** The client this lead became, or null. */
  convertedClientId: string | null;
  /** ISO 8601. */
  convertedAt: string | null;
}
