import fc from 'fast-check';
import {
  effectiveScopes,
  isGrantableToKeys,
  isRole,
  isScope,
  recordLimit,
  type Role,
  ROLES,
  roleRank,
  SCOPES,
  scopesForRole,
} from './scope-catalogue.js';

/**
 * The table of contract section 2, row by row: scope | owner | admin | agent | viewer | keys.
 * yes = all records, no = 403, own / own+free = only those records. A diff here is a change of permissions.
 */
const CONTRACT = `
clients:read          yes yes yes      yes yes
clients:write         yes yes own+free no  yes
clients:delete        yes yes own      no  yes
leads:read            yes yes yes      yes yes
leads:write           yes yes own+free no  yes
leads:delete          yes yes own      no  yes
appointments:read     yes yes yes      yes yes
appointments:write    yes yes own+free no  yes
appointments:delete   yes yes own      no  yes
listings:read         yes yes yes      yes yes
listings:write        yes yes own+free no  yes
listings:delete       yes yes own      no  yes
escrows:read          yes yes yes      yes yes
escrows:write         yes yes own+free no  yes
escrows:delete        yes yes own      no  yes
calls:read            yes yes yes      yes yes
calls:write           yes yes yes      no  yes
messages:read         yes yes yes      yes yes
messages:write        yes yes yes      no  yes
clients:pii           yes yes yes      no  yes
leads:pii             yes yes yes      no  yes
calls:pii             yes yes yes      no  yes
messages:pii          yes yes yes      no  yes
voice-agents:read     yes yes yes      no  yes
voice-agents:write    yes yes no       no  yes
settings:read         yes yes yes      no  no
settings:write        yes yes yes      no  no
secrets:read          yes yes no       no  no
secrets:write         yes yes no       no  no
webhooks:read         yes yes no       no  no
webhooks:write        yes yes no       no  no
api-keys:read         yes yes own      no  no
api-keys:write        yes yes own      no  no
team:read             yes yes yes      yes no
team:write            yes yes no       no  no
audit:read            yes yes no       no  yes
security-events:read  yes yes own      own yes
`;

const rows = CONTRACT.trim()
  .split('\n')
  .map((line) => line.split(/ +/) as [string, string, string, string, string, string]);

const limitWord = { own: 'own', 'own-or-unassigned': 'own+free' } as const;

function wordFor(scope: string, role: Role): string {
  if (!isScope(scope) || !scopesForRole(role).has(scope)) return 'no';
  const limit = recordLimit(scope, role);
  return limit === null ? 'yes' : limitWord[limit];
}

describe('scope catalogue', () => {
  it('is the contract’s table, in its order, with no row more or less', () => {
    const ours = SCOPES.map(({ scope, grantableToKeys }) =>
      [scope, ...ROLES.map((role) => wordFor(scope, role)), grantableToKeys ? 'yes' : 'no'].join(' '),
    );
    expect(ours).toEqual(rows.map((cells) => cells.join(' ')));
  });

  it('lists each scope once, with a description and its roles, most powerful first', () => {
    expect(new Set(SCOPES.map((entry) => entry.scope)).size).toBe(SCOPES.length);
    for (const entry of SCOPES) {
      expect(entry.scope).toMatch(/^[a-z-]+:(read|write|delete|pii)$/);
      expect(entry.description.length).toBeGreaterThan(5);
      expect(entry.roles).toEqual(ROLES.filter((role) => entry.roles.includes(role)));
      for (const role of Object.keys(entry.limits ?? {})) expect(entry.roles).toContain(role);
    }
  });

  it('a higher role holds everything a lower one does, with no tighter limit', () => {
    for (const lower of ROLES) {
      for (const higher of ROLES.filter((role) => roleRank(role) > roleRank(lower))) {
        for (const scope of scopesForRole(lower)) {
          expect(scopesForRole(higher)).toContain(scope);
          if (recordLimit(scope, lower) === null) expect(recordLimit(scope, higher)).toBeNull();
        }
      }
    }
  });

  it('ranks owner > admin > agent > viewer', () => {
    expect(ROLES.map(roleRank)).toEqual([3, 2, 1, 0]);
  });

  it('hands out one set per role', () => {
    expect(scopesForRole('agent')).toBe(scopesForRole('agent'));
    expect(scopesForRole('owner').size).toBe(SCOPES.length);
  });

  it('names from outside are no scope and no role, also those every object has', () => {
    for (const text of [
      '',
      '__proto__',
      'constructor',
      'clients',
      'clients:*',
      '*',
      'Clients:read',
      'clients:read ',
    ]) {
      expect(isScope(text)).toBe(false);
      expect(isGrantableToKeys(text)).toBe(false);
      expect(isRole(text)).toBe(false);
      expect(() => scopesForRole(text as Role)).toThrow(TypeError);
      expect(() => roleRank(text as Role)).toThrow(TypeError);
    }
    expect(isRole('owner')).toBe(true);
    expect(isScope('clients:read')).toBe(true);
  });

  it('asking for a limit of a scope the role lacks is a mistake, not "all records"', () => {
    expect(() => recordLimit('secrets:read', 'agent')).toThrow(TypeError);
    expect(() => recordLimit('clients:write', 'viewer')).toThrow(TypeError);
  });

  it('a key holds only what it was given, its creator holds now, and keys may hold', () => {
    const names = [...SCOPES.map((entry) => entry.scope as string), 'unknown:read', '__proto__'];
    fc.assert(
      fc.property(fc.subarray(names), fc.constantFrom(...ROLES), (given, role) => {
        const effective = effectiveScopes(given, role);
        const expected = given.filter((name) => {
          const cells = rows.find(([scope]) => scope === name);
          return cells !== undefined && cells[1 + ROLES.indexOf(role)] !== 'no' && cells[5] === 'yes';
        });
        expect([...effective].sort()).toEqual(expected.sort());
      }),
    );
  });

  it('a key without scopes can do nothing, and a demoted creator takes the key along', () => {
    expect(effectiveScopes([], 'owner').size).toBe(0);
    expect([...effectiveScopes(['clients:write', 'clients:read'], 'admin')]).toEqual([
      'clients:write',
      'clients:read',
    ]);
    expect([...effectiveScopes(['clients:write', 'clients:read'], 'viewer')]).toEqual(['clients:read']);
  });
});
