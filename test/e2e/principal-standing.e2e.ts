import { PrincipalStanding } from '../../src/identity/principals/principal-standing.js';
import { type Account, createKey, registerOwner } from '../harness/accounts.js';
import { addMember, changeRole } from '../harness/members.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

describe('the caller of a job, as things stand now', () => {
  let app: TestApp;
  let owner: Account;

  beforeAll(async () => {
    app = await startTestApp();
    owner = await registerOwner(app.http);
  });
  afterAll(() => app.close());

  const scopesNow = async (userId: string, apiKeyId: string | null, homeTeamId = owner.teamId) => {
    const principal = await app.app.get(PrincipalStanding).now({ userId, homeTeamId, apiKeyId });
    return principal && [...principal.scopes].sort();
  };

  it('a key has its own scopes within its creator’s present role, and none once it is revoked or expired', async () => {
    const admin = await addMember(app, owner, 'admin');
    const key = await createKey(admin, ['clients:read', 'clients:write']);
    expect(await scopesNow(admin.userId, key.id)).toEqual(['clients:read', 'clients:write']);
    await owner.http.patch(`/v1/api-keys/${key.id}`, { scopes: ['clients:write'] });
    expect(await scopesNow(admin.userId, key.id)).toEqual(['clients:write']);
    await changeRole(app, admin, 'viewer');
    expect(await scopesNow(admin.userId, key.id)).toEqual([]);
    await owner.http.delete(`/v1/api-keys/${key.id}`);
    expect(await scopesNow(admin.userId, key.id)).toBeNull();
    const expired = await createKey(owner, ['clients:read']);
    await app.database.sql('UPDATE api_keys SET expires_at = now() WHERE id = $1', [expired.id]);
    expect(await scopesNow(owner.userId, expired.id)).toBeNull();
  });

  it('a person has the present role, and nothing once removed or disabled', async () => {
    const agent = await addMember(app, owner, 'agent');
    expect(await scopesNow(agent.userId, null)).toContain('clients:write');
    await changeRole(app, agent, 'viewer');
    expect(await scopesNow(agent.userId, null)).not.toContain('clients:write');
    await app.database.sql('UPDATE users SET disabled_at = now() WHERE id = $1', [agent.userId]);
    expect(await scopesNow(agent.userId, null)).toBeNull();
    await app.database.sql('DELETE FROM memberships WHERE user_id = $1', [agent.userId]);
    expect(await scopesNow(agent.userId, null)).toBeNull();
  });

  it('a key or a person of another team is nobody here', async () => {
    const stranger = await registerOwner(app.http);
    const key = await createKey(stranger, ['clients:read']);
    expect(await scopesNow(stranger.userId, key.id)).toBeNull();
    expect(await scopesNow(stranger.userId, null)).toBeNull();
    expect(await scopesNow(stranger.userId, key.id, stranger.teamId)).toEqual(['clients:read']);
  });
});
