/** An invitation that is neither accepted nor withdrawn; its token is in the mail alone. */
export class InvitationView {
  id: string;
  email: string;
  role: 'owner' | 'admin' | 'agent' | 'viewer';
  status: 'pending' | 'expired';
  /** Null when that member has left. */
  invitedBy: string | null;
  /** ISO 8601. */
  expiresAt: string;
  version: number;
  /** ISO 8601. */
  createdAt: string;
  /** ISO 8601. */
  updatedAt: string;
}

export class WithdrawnInvitationView {
  id: string;
  withdrawn: boolean;
}
