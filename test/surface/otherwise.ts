import { type Account, freshAddress, PASSWORD } from '../harness/accounts.js';
import { enableTwoFactor } from '../harness/authenticator.js';
import { moveClock } from '../harness/clock.js';
import { totpCode, totpStep } from '../../src/identity/two-factor/totp.js';
import type { Answer } from '../harness/http-client.js';
import { mailTo } from '../harness/mailbox.js';
import { addMember } from '../harness/members.js';
import { makeRecord } from './records.js';
import type { Surface } from './surface.js';

/** A successful call, made on behalf of a new owner of a new team. */
type Caller = (surface: Surface, owner: Account) => Promise<Answer>;

interface Otherwise {
  readonly reason: string;
  readonly call: Caller;
}

const NEW_PASSWORD = 'another plain but long passphrase';

const signIn = (surface: Surface, { email }: Account): Promise<Answer> =>
  surface.http.post('/v1/auth/login', { email, password: PASSWORD }, { from: freshAddress() });

const tokenTo = async (surface: Surface, address: string, subject: string): Promise<string | null> =>
  (await mailTo(surface.app, address, subject)).token;

/**
 * Mutations that neither the API document nor the record makers can call successfully, each with the reason and with
 * how it is called instead. Nothing is left out: a mutation without an entry is called with an example body.
 */
export const OTHERWISE: Readonly<Record<string, Otherwise>> = {
  ...Object.fromEntries(
    [
      ['clients', 'firstName,lastName\r\nJordan,Rivera\r\n'],
      ['leads', 'firstName,lastName\r\nJordan,Rivera\r\n'],
      ['listings', 'street,city,state,postalCode,price\r\n12 Harbor Street,Springfield,IL,62701,500000\r\n'],
    ].map(([resource, csv]) => [
      `POST /v1/${resource}/import`,
      {
        reason: 'takes a file, not JSON',
        call: (_surface: Surface, owner: Account): Promise<Answer> =>
          owner.http.send('POST', `/v1/${resource}/import`, {
            raw: `--b\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\ncontent-type: text/csv\r\n\r\n${csv}\r\n--b--\r\n`,
            headers: { 'content-type': 'multipart/form-data; boundary=b' },
          }),
      },
    ]),
  ),
  'DELETE /v1/appointments/calendar-token': {
    reason: 'ends what a POST to the same path has made',
    call: async (_surface, owner) => {
      await owner.http.post('/v1/appointments/calendar-token');
      return owner.http.delete('/v1/appointments/calendar-token');
    },
  },
  'POST /v1/leads/{id}/merge': {
    reason: 'the lead that stays is one more lead',
    call: async (surface, owner) => {
      const [[id], [intoId]] = [
        (await makeRecord(surface, owner, '/v1/leads')).ids,
        (await makeRecord(surface, owner, '/v1/leads')).ids,
      ];
      return owner.http.post(`/v1/leads/${id}/merge`, { intoId });
    },
  },
  'PATCH /v1/team/members/{userId}': {
    reason: 'the last owner keeps the role, so it needs a second member',
    call: async (surface, owner) => {
      const { userId } = await addMember(surface.app, owner, 'agent');
      return owner.http.patch(`/v1/team/members/${userId}`, { role: 'viewer' });
    },
  },
  'DELETE /v1/team/members/{userId}': {
    reason: 'the last owner cannot leave, so it needs a second member',
    call: async (surface, owner) => {
      const { userId } = await addMember(surface.app, owner, 'agent');
      return owner.http.delete(`/v1/team/members/${userId}`);
    },
  },
  'POST /v1/auth/accept-invitation': {
    reason: 'takes a mailed token',
    call: async (surface, owner) => {
      const email = `invited-${owner.userId}@example.com`;
      await owner.http.post('/v1/team/invitations', { email, role: 'agent' });
      const body = { token: await tokenTo(surface, email, 'invited'), name: 'Jamie', password: PASSWORD };
      return surface.http.post('/v1/auth/accept-invitation', body, { from: freshAddress() });
    },
  },
  'POST /v1/auth/login': { reason: 'takes the credentials of a person', call: signIn },
  'POST /v1/auth/login/2fa': {
    reason: 'takes the challenge of the first step and a code',
    call: async (surface, owner) => {
      const phone = await enableTwoFactor(surface.app, owner.http);
      const { challengeToken } = (await signIn(surface, owner)).json.data;
      const body = { challengeToken, code: phone.next() };
      return surface.http.post('/v1/auth/login/2fa', body, { from: freshAddress() });
    },
  },
  'POST /v1/auth/2fa/enable': {
    reason: 'takes a code of the secret that set-up gave',
    call: async (surface, owner) => {
      moveClock(surface.app, 0);
      const { secret } = (await owner.http.post('/v1/auth/2fa/setup')).json.data;
      return owner.http.post('/v1/auth/2fa/enable', { code: totpCode(secret, totpStep(Date.now())) });
    },
  },
  'POST /v1/auth/2fa/disable': {
    reason: 'takes a code of a second factor that is on',
    call: async (surface, owner) => {
      const phone = await enableTwoFactor(surface.app, owner.http);
      return owner.http.post('/v1/auth/2fa/disable', { password: PASSWORD, code: phone.next() });
    },
  },
  'POST /v1/auth/2fa/backup-codes': {
    reason: 'takes a code of a second factor that is on',
    call: async (surface, owner) => {
      const phone = await enableTwoFactor(surface.app, owner.http);
      return owner.http.post('/v1/auth/2fa/backup-codes', { code: phone.next() });
    },
  },
  'POST /v1/auth/step-up': {
    reason: 'takes the password of the caller',
    call: (_surface, owner) => owner.http.post('/v1/auth/step-up', { password: PASSWORD }),
  },
  'POST /v1/auth/password': {
    reason: 'takes the password of the caller',
    call: (_surface, owner) =>
      owner.http.post('/v1/auth/password', { currentPassword: PASSWORD, newPassword: NEW_PASSWORD }),
  },
  'POST /v1/auth/password/reset': {
    reason: 'takes a mailed token',
    call: async (surface, { email }) => {
      await surface.http.post('/v1/auth/password/forgot', { email }, { from: freshAddress() });
      const body = { token: await tokenTo(surface, email, 'Set a new password'), newPassword: NEW_PASSWORD };
      return surface.http.post('/v1/auth/password/reset', body, { from: freshAddress() });
    },
  },
  'POST /v1/auth/email/verify': {
    reason: 'takes a mailed token',
    call: async (surface, { email }) => {
      const token = await tokenTo(surface, email, 'Confirm your e-mail');
      return surface.http.post('/v1/auth/email/verify', { token }, { from: freshAddress() });
    },
  },
  'POST /v1/auth/register': {
    reason: 'the password must not be a common one, nor the address known',
    call: (surface, owner) => {
      const email = `new-${owner.userId}@example.com`;
      const body = { email, password: PASSWORD, name: 'Alex', teamName: 'Harbor' };
      return surface.http.post('/v1/auth/register', body, { from: freshAddress() });
    },
  },
};
