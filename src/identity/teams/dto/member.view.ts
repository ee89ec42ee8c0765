/** A person in the team. */
export class MemberView {
  userId: string;
  name: string;
  email: string;
  role: 'owner' | 'admin' | 'agent' | 'viewer';
  /** ISO 8601, or null until the address is confirmed. */
  emailVerifiedAt: string | null;
  twoFactorEnabled: boolean;
  /** May not sign in. */
  disabled: boolean;
  version: number;
  /** When the person joined, ISO 8601. */
  joinedAt: string;
}

export class RemovedMemberView {
  userId: string;
  removed: boolean;
}
