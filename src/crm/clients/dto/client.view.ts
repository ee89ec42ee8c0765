import { RecordView } from '../../records/record.views.js';

/** A client. Without `clients:pii`, e-mail, phone and last name are masked. */
export class ClientView extends RecordView {
  /** @example Jordan */
  firstName: string;
  /** `Smith`, or `S.` when masked. */
  lastName: string | null;
  /** `jordan@example.com`, or `jo***@example.com` when masked. */
  email: string | null;
  /** E.164, or `+1(555)***-**67` when masked. */
  phone: string | null;
  type: 'buyer' | 'seller' | 'investor' | 'renter';
  status: 'active' | 'inactive';
  address: string | null;
  notes: string | null;
  tags: string[];
}
