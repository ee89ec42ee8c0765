/** A client. Without `clients:pii`, e-mail, phone and last name are masked. */
export class ClientView {
  id: string;
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
  /** The member of the team who looks after the client, or null. */
  ownerId: string | null;
  /** Rises with every change; the `ETag` is made of it. */
  version: number;
  /** ISO 8601. */
  createdAt: string;
  /** ISO 8601. */
  updatedAt: string;
}

/** What is left to say of an archived record. */
export class ArchivedView {
  id: string;
  archived: boolean;
}
