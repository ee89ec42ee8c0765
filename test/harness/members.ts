import { type Account, freshAddress, PASSWORD, registerOwner } from './accounts.js';
import type { TestApp } from './test-app.js';

/** A new person in the owner's team, signed in there. */
export async function addMember(app: TestApp, owner: Account, role: string): Promise<Account> {
  const person = await registerOwner(app.http);
  await app.database.sql('DELETE FROM memberships WHERE user_id = $1', [person.userId]);
  await app.database.sql('INSERT INTO memberships (team_id, user_id, role) VALUES ($1, $2, $3)', [
    owner.teamId,
    person.userId,
    role,
  ]);
  const from = freshAddress();
  const signedIn = await app.http.post(
    '/v1/auth/login',
    { email: person.email, password: PASSWORD },
    { from },
  );
  const { accessToken } = signedIn.json.data;
  const http = app.http.with({ authorization: `Bearer ${accessToken}` }, from);
  return { ...person, teamId: owner.teamId, accessToken, http };
}

/** Another role for the person, with the notice that the application would send along. */
export async function changeRole(app: TestApp, person: Account, role: string): Promise<void> {
  await app.database.sql(
    `WITH changed AS (UPDATE memberships SET role = $2 WHERE user_id = $1) SELECT pg_notify('latchkey_invalidate', 'user:' || $1)`,
    [person.userId, role],
  );
}
