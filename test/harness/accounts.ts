import { randomBytes } from 'node:crypto';
import type { HttpClient } from './http-client.js';

export const PASSWORD = 'a plain but long passphrase';

export interface Account {
  readonly userId: string;
  readonly teamId: string;
  readonly email: string;
  readonly accessToken: string;
  readonly csrfToken: string;
  /** `name=value` of the refresh cookie. */
  readonly cookie: string;
  /** Speaks as this person. */
  readonly http: HttpClient;
}

let addresses = 0;

/** An address within 127.0.0.0/8 that nothing else in this file uses. */
export function freshAddress(): string {
  addresses++;
  return `127.${1 + ((addresses >> 16) & 127)}.${(addresses >> 8) & 255}.${addresses & 255}`;
}

/** A new person, owner of a new team. */
export async function registerOwner(http: HttpClient, fields: Record<string, string> = {}): Promise<Account> {
  const email = fields.email ?? `owner-${randomBytes(6).toString('hex')}@example.com`;
  const from = freshAddress();
  const answer = await http.post(
    '/v1/auth/register',
    { email, password: PASSWORD, name: 'Alex Morgan', teamName: 'Harbor Realty', ...fields },
    { from },
  );
  if (answer.status !== 201) throw new Error(`registration answered ${answer.status}: ${answer.text}`);
  const { user, team, accessToken, csrfToken } = answer.json.data;
  return {
    userId: user.id,
    teamId: team.id,
    email,
    accessToken,
    csrfToken,
    cookie: cookieOf(answer.headers['set-cookie']),
    http: http.with({ authorization: `Bearer ${accessToken}` }, from),
  };
}

/** An API key of this person, and a client that speaks with it. */
export async function createKey(
  owner: Account,
  scopes: string[],
  fields: object = {},
): Promise<{ id: string; key: string; http: HttpClient }> {
  const answer = await owner.http.post('/v1/api-keys', { name: 'Test key', scopes, ...fields });
  if (answer.status !== 201) throw new Error(`key creation answered ${answer.status}: ${answer.text}`);
  const { id, key } = answer.json.data;
  return { id, key, http: owner.http.with({ 'x-api-key': key, authorization: undefined }) };
}

/** `name=value` of the Set-Cookie header with this name. */
export function cookieOf(header: string[] | undefined, name = 'latchkey_refresh'): string {
  return (header?.find((line) => line.startsWith(`${name}=`)) ?? '').split(';', 1)[0];
}
