import { type Account, freshAddress, PASSWORD, registerOwner } from '../harness/accounts.js';
import { mailTo } from '../harness/mailbox.js';
import { addMember } from '../harness/members.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const DAY_MS = 86_400_000;
const inDays = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString();

const issue = async (who: Account) => {
  const answer = await who.http.post('/v1/appointments/calendar-token');
  expect(answer.status).toBe(201);
  return answer.json.data;
};

describe('the calendar feed', () => {
  let app: TestApp;
  let owner: Account;
  let agent: Account;
  let clientId: string;

  beforeAll(async () => {
    app = await startTestApp();
    owner = await registerOwner(app.http);
    agent = await addMember(app, owner, 'agent');
    const client = await owner.http.post('/v1/clients', { firstName: 'Jordan', lastName: 'Quartermaine' });
    const book = (title: string, fields: object) =>
      owner.http.post('/v1/appointments', {
        title,
        startsAt: inDays(1),
        endsAt: inDays(1.1),
        ownerId: agent.userId,
        ...fields,
      });
    clientId = client.json.data.id;
    await book('Showing with Jordan Quartermaine, +15551234567', { clientId, location: '12 Harbor Street' });
    await book('Owners meeting', { ownerId: owner.userId });
    await book('Long ago', { startsAt: inDays(-60), endsAt: inDays(-59) });
  });
  afterAll(() => app.close());

  const feed = (token: string) => app.http.get(`/v1/appointments/calendar.ics?token=${token}`);

  it("is iCalendar, holds one person's appointments, and is masked", async () => {
    const { token, url } = await issue(agent);
    expect(url).toContain(`/v1/appointments/calendar.ics?token=${token}`);
    const answer = await feed(token);
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/calendar; charset=utf-8']);
    const text = answer.text.replaceAll('\r\n ', '');
    expect(text.startsWith('BEGIN:VCALENDAR\r\n')).toBe(true);
    expect(text.match(/BEGIN:VEVENT/g)).toHaveLength(1);
    expect(text).toContain('SUMMARY:Showing with Jordan Q.\\, ***');
    expect(text).toContain('LOCATION:12 Harbor Street');
    expect(text).toMatch(/DTSTART:\d{8}T\d{6}Z/);
    expect(text).not.toMatch(/Quartermaine|1234567|Owners meeting|Long ago/);
  });

  it('masks the name of a client who was archived since, too', async () => {
    const { token } = await issue(agent);
    expect((await owner.http.delete(`/v1/clients/${clientId}`)).status).toBe(200);
    expect((await feed(token)).text.replaceAll('\r\n ', '')).toContain('SUMMARY:Showing with Jordan Q.');
    expect((await owner.http.post(`/v1/clients/${clientId}/restore`, {})).status).toBe(200);
  });

  it('ends with the next token, with revocation, and with the membership', async () => {
    const first = await issue(agent);
    const second = await issue(agent);
    expect([(await feed(first.token)).status, (await feed(second.token)).status]).toEqual([401, 200]);
    expect((await agent.http.delete('/v1/appointments/calendar-token')).status).toBe(200);
    expect((await feed(second.token)).json.error.code).toBe('UNAUTHENTICATED');
    expect((await agent.http.delete('/v1/appointments/calendar-token')).status).toBe(404);

    const leaver = await addMember(app, owner, 'agent');
    const { token } = await issue(leaver);
    expect((await feed(token)).status).toBe(200);
    await app.database.sql('DELETE FROM memberships WHERE team_id = $1 AND user_id = $2', [
      owner.teamId,
      leaver.userId,
    ]);
    expect((await feed(token)).status).toBe(401);
  });

  it('ends with the password it was made under, changed or reset', async () => {
    const NEW_PASSWORD = 'another long but plain passphrase';
    const person = await addMember(app, owner, 'agent');
    const before = await issue(person);
    expect((await feed(before.token)).status).toBe(200);
    const changed = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD };
    expect((await person.http.post('/v1/auth/password', changed)).status).toBe(200);
    expect((await feed(before.token)).status).toBe(401);

    const after = await issue(person);
    expect((await feed(after.token)).status).toBe(200);
    const from = freshAddress();
    await app.http.post('/v1/auth/password/forgot', { email: person.email }, { from });
    const { token } = await mailTo(app, person.email, 'Set a new password');
    const reset = { token, newPassword: `${NEW_PASSWORD}, again` };
    expect((await app.http.post('/v1/auth/password/reset', reset, { from })).status).toBe(200);
    expect((await feed(after.token)).status).toBe(401);
  });

  it('keeps its token out of the table and the log; a bad one is 400 or 401', async () => {
    const { token } = await issue(owner);
    await feed(token);
    const rows = await app.database.sql('SELECT c::text AS row FROM calendar_tokens c');
    expect(JSON.stringify(rows)).not.toContain(token);
    expect(app.logged()).not.toContain(token);
    expect((await app.http.get('/v1/appointments/calendar.ics')).status).toBe(400);
    expect((await feed('x')).status).toBe(400);
    expect((await feed('A'.repeat(43))).status).toBe(401);
  });
});
