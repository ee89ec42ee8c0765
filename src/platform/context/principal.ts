/** The roles of a team, strongest first. */
export const ROLES = ['owner', 'admin', 'agent', 'viewer'] as const;
export type Role = (typeof ROLES)[number];

/** How a principal proved who it is; stands in every audit row. */
export type AuthMethod = 'jwt' | 'api_key' | 'break_glass';

/** Who is calling, resolved once per request by the authentication guard. */
export interface Principal {
  /** `break_glass`: a platform admin inside a team that is not theirs. */
  readonly kind: 'user' | 'api_key' | 'break_glass';
  readonly authMethod: AuthMethod;
  /** The person: the signed-in user, or the creator of the key. */
  readonly userId: string;
  /** The tenant of everything this caller sees and makes; for a test key its team's sandbox. */
  readonly teamId: string;
  /** The team the person is a member of: `teamId`, except for a test key. */
  readonly homeTeamId: string;
  /** The person's current role in the team. */
  readonly role: Role;
  /** Effective scopes: the role's, for a key cut down to the key's own. */
  readonly scopes: ReadonlySet<string>;
  readonly apiKeyId: string | null;
  readonly sessionId: string | null;
  /** The grant under which a platform admin is inside the team; nobody else has one. */
  readonly breakGlassId?: string;
  /** When the session last proved itself (sign-in or step-up), milliseconds since 1970; null for a key. */
  readonly authenticatedAtMs: number | null;
  /** Whether the person has a second factor; always false for a key, which cannot prove one. */
  readonly twoFactorEnabled: boolean;
  /** Whether the person runs the installation (`npm run platform:grant`); always false for a key. */
  readonly platformAdmin: boolean;
  /** Region of phone numbers written without a country code: ISO 3166-1 alpha-2. */
  readonly defaultRegion: string;
  /** Requests per minute granted to this key alone, or null for the default. */
  readonly rateLimitPerMinute: number | null;
}
