/** A person as they see themselves. */
export class UserView {
  id: string;
  email: string;
  name: string;
  /** ISO 8601, or null until the address is confirmed. */
  emailVerifiedAt: string | null;
  /** ISO 8601. */
  passwordChangedAt: string;
}

export class TeamSummaryView {
  id: string;
  name: string;
}

/** A team that the caller belongs to. */
export class OwnTeamView extends TeamSummaryView {
  role: 'owner' | 'admin' | 'agent' | 'viewer';
  /** ISO 8601. */
  joinedAt: string;
}

/** Tokens of a fresh session; the refresh token is in the cookie alone. */
export class TokensView {
  /** JWT for `Authorization: Bearer`. */
  accessToken: string;
  /** Seconds until the access token ends. */
  expiresIn: number;
  /** Single-use value for `X-CSRF-Token`. */
  csrfToken: string;
}

export class SignedInView extends TokensView {
  user: UserView;
  team: TeamSummaryView;
}

export class CsrfView {
  /** Single-use value for `X-CSRF-Token`. */
  csrfToken: string;
}

export class MyTwoFactorView {
  enabled: boolean;
  /** Unused backup codes. */
  backupCodesLeft: number;
}

/** Who is calling, and what they may do. */
export class MeView {
  user: UserView;
  team: TeamSummaryView;
  role: 'owner' | 'admin' | 'agent' | 'viewer';
  /** Effective scopes: the role's, for an API key cut down to its own. */
  scopes: string[];
  authMethod: 'jwt' | 'api_key';
  twoFactor: MyTwoFactorView;
}

export class LogoutView {
  loggedOut: boolean;
}
