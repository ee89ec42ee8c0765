/**
 * The one catalogue of scopes, for roles and for API keys: the table of contract section 2, as data.
 *
 * A guard asks {@link scopesForRole} or {@link effectiveScopes}; a policy asks {@link recordLimit} which records the
 * scope reaches. Adding a row here is a change of permissions and shows in the spec's literal table.
 */

/** Roles of a team member, most powerful first. */
export const ROLES = ['owner', 'admin', 'agent', 'viewer'] as const;

export type Role = (typeof ROLES)[number];

/**
 * How far a role's scope reaches when it does not reach every record of the team: `own` are records the user owns (or
 * events about the user), `own-or-unassigned` adds records that nobody owns. Elsewhere the answer is 403.
 */
export type RecordLimit = 'own' | 'own-or-unassigned';

interface ScopeRow {
  /** `resource:action`. */
  scope: `${string}:${string}`;
  description: string;
  /** Roles that hold the scope, most powerful first. */
  roles: readonly Role[];
  /** Whether an API key may hold it. */
  grantableToKeys: boolean;
  /** Roles whose scope reaches only some records; a role left out reaches all. */
  limits?: Readonly<Partial<Record<Role, RecordLimit>>>;
}

const EVERYONE = ['owner', 'admin', 'agent', 'viewer'] as const;
const WORKERS = ['owner', 'admin', 'agent'] as const;
const MANAGERS = ['owner', 'admin'] as const;

const AGENT_OWN = { agent: 'own' } as const;
const AGENT_OWN_OR_UNASSIGNED = { agent: 'own-or-unassigned' } as const;
const AGENT_AND_VIEWER_OWN = { agent: 'own', viewer: 'own' } as const;

const TABLE = [
  row('clients:read', 'See clients', EVERYONE, true),
  row('clients:write', 'Create, change and import clients', WORKERS, true, AGENT_OWN_OR_UNASSIGNED),
  row('clients:delete', 'Archive clients', WORKERS, true, AGENT_OWN),
  row('leads:read', 'See leads', EVERYONE, true),
  row('leads:write', 'Create, change and import leads', WORKERS, true, AGENT_OWN_OR_UNASSIGNED),
  row('leads:delete', 'Archive leads', WORKERS, true, AGENT_OWN),
  row('appointments:read', 'See appointments', EVERYONE, true),
  row('appointments:write', 'Create, change and import appointments', WORKERS, true, AGENT_OWN_OR_UNASSIGNED),
  row('appointments:delete', 'Archive appointments', WORKERS, true, AGENT_OWN),
  row('listings:read', 'See listings', EVERYONE, true),
  row('listings:write', 'Create, change and import listings', WORKERS, true, AGENT_OWN_OR_UNASSIGNED),
  row('listings:delete', 'Archive listings', WORKERS, true, AGENT_OWN),
  row('escrows:read', 'See escrows', EVERYONE, true),
  row('escrows:write', 'Create, change and import escrows', WORKERS, true, AGENT_OWN_OR_UNASSIGNED),
  row('escrows:delete', 'Archive escrows', WORKERS, true, AGENT_OWN),
  row('calls:read', 'See calls, call statistics and tracking numbers', EVERYONE, true),
  row('calls:write', 'Place calls', WORKERS, true),
  row('messages:read', 'See text messages, e-mails and drafts', EVERYONE, true),
  row('messages:write', 'Send text messages and e-mails', WORKERS, true),
  row('clients:pii', 'See personal data of clients unmasked', WORKERS, true),
  row('leads:pii', 'See personal data of leads unmasked', WORKERS, true),
  row('calls:pii', 'See personal data of calls unmasked', WORKERS, true),
  row('messages:pii', 'See personal data of messages unmasked', WORKERS, true),
  row('voice-agents:read', 'See AI voice agents and their requests', WORKERS, true),
  row('voice-agents:write', 'Create, change and remove AI voice agents', MANAGERS, true),
  row('settings:read', 'See one’s own provider credentials, masked', WORKERS, false),
  row('settings:write', 'Change one’s own provider credentials', WORKERS, false),
  row('secrets:read', 'See names and metadata of the team’s secrets', MANAGERS, false),
  row('secrets:write', 'Store and remove the team’s secrets', MANAGERS, false),
  row('webhooks:read', 'See webhook endpoints and deliveries', MANAGERS, false),
  row('webhooks:write', 'Create, change and remove webhook endpoints', MANAGERS, false),
  row('api-keys:read', 'See API keys', WORKERS, false, AGENT_OWN),
  row('api-keys:write', 'Create, change, rotate and revoke API keys', WORKERS, false, AGENT_OWN),
  row('team:read', 'See the team and its members', EVERYONE, false),
  row('team:write', 'Change the team, its members and invitations', MANAGERS, false),
  row('audit:read', 'Read, verify and export the audit log', MANAGERS, true),
  row('security-events:read', 'Read security events', EVERYONE, true, AGENT_AND_VIEWER_OWN),
] as const;

/** Every scope there is, as a union of literals. */
export type Scope = (typeof TABLE)[number]['scope'];

/** One row of `GET /v1/scopes` and the record limits behind it. */
export type ScopeEntry = Readonly<ScopeRow & { scope: Scope }>;

/** The catalogue in a stable order. */
export const SCOPES: readonly ScopeEntry[] = TABLE;

const ENTRIES: ReadonlyMap<string, ScopeEntry> = new Map(SCOPES.map((entry) => [entry.scope, entry]));

const SCOPES_OF_ROLE: ReadonlyMap<string, ReadonlySet<Scope>> = new Map(
  ROLES.map((role) => [
    role,
    new Set(SCOPES.filter((entry) => entry.roles.includes(role)).map((entry) => entry.scope)),
  ]),
);

/** The scopes a role holds. The set is shared by every caller. @throws TypeError for a text that is no role */
export function scopesForRole(role: Role): ReadonlySet<Scope> {
  const scopes = SCOPES_OF_ROLE.get(role);
  if (scopes === undefined) throw new TypeError('Not a role');
  return scopes;
}

/**
 * What a key can do now: its own scopes ∩ those of its creator's current role (contract section 3). Scopes that are
 * unknown or not grantable to keys fall away, so a row edited by hand or kept from an older catalogue gains nothing.
 */
export function effectiveScopes(keyScopes: Iterable<string>, creatorRole: Role): ReadonlySet<Scope> {
  const held = scopesForRole(creatorRole);
  const effective = new Set<Scope>();
  for (const scope of keyScopes) {
    if (isScope(scope) && held.has(scope) && isGrantableToKeys(scope)) effective.add(scope);
  }
  return effective;
}

/** Whether the text names a scope of the catalogue. */
export function isScope(text: string): text is Scope {
  return ENTRIES.has(text);
}

/** Whether an API key may hold the scope; false for texts that are no scope. */
export function isGrantableToKeys(scope: string): boolean {
  return ENTRIES.get(scope)?.grantableToKeys === true;
}

/**
 * Which records a role reaches with a scope: null means all of the team's. A key is limited like its creator.
 *
 * @throws TypeError when the role does not hold the scope: a guard must have refused before
 */
export function recordLimit(scope: Scope, role: Role): RecordLimit | null {
  if (!scopesForRole(role).has(scope)) throw new TypeError('The role does not hold this scope');
  return ENTRIES.get(scope)?.limits?.[role] ?? null;
}

/** Whether the text names a role. */
export function isRole(text: string): text is Role {
  return SCOPES_OF_ROLE.has(text);
}

/** Higher is more powerful: viewer 0, agent 1, admin 2, owner 3. @throws TypeError for a text that is no role */
export function roleRank(role: Role): number {
  const index = ROLES.indexOf(role);
  if (index < 0) throw new TypeError('Not a role');
  return ROLES.length - 1 - index;
}

function row<const S extends ScopeRow['scope']>(
  scope: S,
  description: string,
  roles: readonly Role[],
  grantableToKeys: boolean,
  limits?: ScopeRow['limits'],
): ScopeRow & { scope: S } {
  return { scope, description, roles, grantableToKeys, ...(limits === undefined ? {} : { limits }) };
}
