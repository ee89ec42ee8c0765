/** One sign-in of one browser. */
export class SessionView {
  id: string;
  /** What to recognise it by, such as `Firefox on Windows`. */
  device: string;
  /** What the client called itself at its last refresh. */
  userAgent: string | null;
  /** Address of its sign-in or last refresh. */
  ipAddress: string | null;
  /** When it signed in: ISO 8601. */
  createdAt: string;
  /** When it last signed in or refreshed: ISO 8601. */
  lastUsedAt: string;
  /** When it ends unless it is refreshed, and at the latest 30 days after it began: ISO 8601. */
  expiresAt: string;
  /** Whether it is the session of this very request. */
  current: boolean;
}

export class SessionEndedView {
  id: string;
  revoked: boolean;
}
