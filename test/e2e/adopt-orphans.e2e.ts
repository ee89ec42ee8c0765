import { createHash, randomUUID } from 'node:crypto';
import pg from 'pg';
import { type Account, registerOwner } from '../harness/accounts.js';
import { type CommandResult, Commands } from '../harness/command.js';
import { addMember } from '../harness/members.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';
import { databaseUrl, testServer } from '../harness/test-server.js';

const SECRETS = {
  MASTER_ENCRYPTION_KEY: createHash('sha256').update('adopt-orphans').digest('hex'),
  AUDIT_SIGNING_KEY: createHash('sha256').update('adopt-orphans').digest('base64'),
};
const TABLES = ['clients', 'leads', 'appointments', 'listings', 'escrows', 'data_keys', 'blind_index'];

async function make(who: Account, resource: string, body: object): Promise<any> {
  const answer = await who.http.post(`/v1/${resource}`, body);
  expect([resource, answer.status]).toEqual([resource, 201]);
  return answer.json.data;
}

describe('npm run teams:adopt-orphans', () => {
  let app: TestApp;
  let commands: Commands;
  let home: Account;

  beforeAll(async () => {
    app = await startTestApp({ env: SECRETS });
    commands = new Commands();
  });
  beforeEach(async () => {
    home = await registerOwner(app.http, { teamName: `Harbor ${randomUUID()}` });
  });
  afterAll(async () => {
    commands.remove();
    await app.close();
  });

  const adopt = (...args: string[]): Promise<CommandResult> =>
    commands.run('adoption/adopt-orphans.cli.js', args, {
      ...SECRETS,
      NODE_ENV: 'test',
      DATA_DIR: commands.path('data'),
      DATABASE_URL: app.database.appUrl,
      DATABASE_MIGRATION_URL: app.database.ownerUrl,
    });

  /** What a restore with triggers off leaves: changes that no foreign key looked at. */
  async function unchecked(text: string, values: unknown[]): Promise<void> {
    const admin = new pg.Client({ connectionString: databaseUrl(testServer().adminUrl, app.database.name) });
    await admin.connect();
    try {
      await admin.query('SET session_replication_role = replica');
      await admin.query(text, values);
    } finally {
      await admin.end();
    }
  }

  /** One record of each kind, related to each other, of a team that is then taken out of the database. */
  async function strays() {
    const gone = await registerOwner(app.http);
    const client = await make(gone, 'clients', {
      firstName: 'Robin',
      lastName: 'Sato',
      phone: '+15550104444',
    });
    const listing = await make(gone, 'listings', {
      street: '9 Quay Street',
      mlsNumber: 'Q-9',
      ownerId: gone.userId,
    });
    const lead = await make(gone, 'leads', {
      firstName: 'Kim',
      lastName: 'Weaver',
      email: 'kim@example.com',
    });
    const times = { startsAt: '2027-01-01T10:00:00Z', endsAt: '2027-01-01T11:00:00Z' };
    const links = { leadId: lead.id, listingId: listing.id };
    const title = 'Showing for Kim';
    const appointment = await make(gone, 'appointments', { title, type: 'showing', ...times, ...links });
    const escrow = await make(gone, 'escrows', {
      escrowNumber: 'E-9',
      clientId: client.id,
      listingId: listing.id,
    });
    const archived = await make(gone, 'leads', { firstName: 'Lee', email: 'lee@example.com' });
    await gone.http.delete(`/v1/leads/${archived.id}`);
    await unchecked('DELETE FROM teams WHERE id = $1', [gone.teamId]);
    return { gone, client, listing, lead, appointment, escrow, archived };
  }

  /** Every row, so that nothing can change unseen. */
  const everything = async (): Promise<string> => {
    const parts = TABLES.map(
      (table) => `SELECT md5(string_agg(r::text, '|' ORDER BY r::text)) AS sum FROM ${table} r`,
    );
    const rows = await app.database.sql(
      [...parts, 'SELECT count(*)::text FROM audit_log'].join(' UNION ALL '),
    );
    return rows.map(({ sum }) => sum).join();
  };
  const rowsOf = async (teamId: string): Promise<number> => {
    const counts = TABLES.map(
      (table) => `SELECT count(*)::int AS n FROM ${table} WHERE team_id = '${teamId}'`,
    );
    const rows = await app.database.sql(counts.join(' UNION ALL '));
    return rows.reduce((sum, { n }) => sum + n, 0);
  };

  it('says in a dry run what it would do, and changes nothing', async () => {
    const { gone } = await strays();
    const before = await everything();
    const { code, stdout, stderr } = await adopt('--team', home.teamId, '--dry-run');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.split('\n')).toEqual([
      'A dry run: nothing was changed.',
      'clients: 1 adopted, 0 without an owner now, 0 references emptied, 0 left',
      'listings: 1 adopted, 1 without an owner now, 0 references emptied, 0 left',
      'leads: 2 adopted, 0 without an owner now, 0 references emptied, 0 left',
      'appointments: 1 adopted, 0 without an owner now, 0 references emptied, 0 left',
      'escrows: 1 adopted, 0 without an owner now, 0 references emptied, 0 left',
      '',
    ]);
    expect(await everything()).toBe(before);
    expect((await adopt('--team', home.teamId)).code).toBe(0);
    expect(await rowsOf(gone.teamId)).toBe(1);
  });

  it('gives the records to the team: readable, found by search, related as before, with audit rows', async () => {
    const { gone, client, listing, lead, appointment, escrow, archived } = await strays();
    expect((await home.http.get(`/v1/leads/${lead.id}`)).status).toBe(404);
    expect((await adopt('--team', home.teamId)).code).toBe(0);
    const read = async (path: string) => (await home.http.get(`/v1/${path}`)).json.data;
    expect(await read(`clients/${client.id}`)).toMatchObject({ lastName: 'Sato', phone: '+15550104444' });
    expect(await read('clients?phone=%2B15550104444')).toHaveLength(1);
    expect(await read('leads?q=weaver')).toMatchObject([{ id: lead.id, email: 'kim@example.com' }]);
    expect(await read(`listings/${listing.id}`)).toMatchObject({ mlsNumber: 'Q-9', ownerId: null });
    const { leadId, listingId, title } = await read(`appointments/${appointment.id}`);
    expect([leadId, listingId, title]).toEqual([lead.id, listing.id, 'Showing for Kim']);
    expect(await read(`escrows/${escrow.id}`)).toMatchObject({ clientId: client.id, listingId: listing.id });
    expect((await home.http.get(`/v1/leads/${archived.id}`)).status).toBe(404);
    expect((await home.http.post(`/v1/leads/${archived.id}/restore`)).status).toBe(200);
    const [row] = await read(`audit-log?resourceId=${lead.id}`);
    expect(row).toMatchObject({ action: 'CREATE', resourceType: 'lead', userId: null, authMethod: 'system' });
    expect(row.newValues).toMatchObject({ adoptedFrom: gone.teamId, lastName: 'Weaver' });
    // What is left of the team that is gone is the key of its index, which opens nothing any more.
    expect(await rowsOf(gone.teamId)).toBe(1);
    const again = await adopt('--team', home.teamId);
    expect([again.code, again.stdout.match(/\d+ adopted/g)]).toEqual([0, Array(5).fill('0 adopted')]);
  });

  it('leaves what does not open and what the team has already, and says so', async () => {
    const { gone, listing, lead, client } = await strays();
    await make(home, 'listings', { street: '9 Quay Street', mlsNumber: 'Q-9' });
    await unchecked('UPDATE leads SET sealed = sealed || $2 WHERE id = $1', [lead.id, Buffer.from('x')]);
    const { code, stdout } = await adopt('--team', home.teamId);
    expect(code).toBe(1);
    expect(stdout).toContain(
      `left: ${listing.id} of team ${gone.teamId}: the team has a record of this id or number`,
    );
    expect(stdout).toContain(`left: ${lead.id} of team ${gone.teamId}: its personal data does not open`);
    expect(stdout).not.toMatch(/Weaver|Quay|kim@/);
    expect((await home.http.get(`/v1/clients/${client.id}`)).status).toBe(200);
    const left = await app.database.sql('SELECT id FROM leads WHERE team_id = $1', [gone.teamId]);
    expect(left).toEqual([{ id: lead.id }]);
    await unchecked('DELETE FROM leads WHERE team_id = $1', [gone.teamId]);
    await unchecked('DELETE FROM listings WHERE team_id = $1', [gone.teamId]);
  });

  it('takes from its own records owners who are no members and relations that are not there, with audit rows', async () => {
    const agent = await addMember(app, home, 'agent');
    const kept = await make(home, 'leads', { firstName: 'Kim', ownerId: agent.userId });
    const lead = await make(home, 'leads', { firstName: 'Lee', ownerId: agent.userId });
    const times = { startsAt: '2027-01-01T10:00:00Z', endsAt: '2027-01-01T11:00:00Z' };
    const appointment = await make(home, 'appointments', {
      title: 'Call',
      type: 'call',
      ...times,
      leadId: lead.id,
    });
    await unchecked('UPDATE leads SET owner_id = $2 WHERE id = $1', [lead.id, randomUUID()]);
    await unchecked('UPDATE appointments SET lead_id = $2 WHERE id = $1', [appointment.id, randomUUID()]);
    const { code, stdout } = await adopt('--team', home.teamId);
    expect([code, stdout]).toEqual([
      0,
      expect.stringContaining('leads: 0 adopted, 1 without an owner now, 0 '),
    ]);
    expect(stdout).toContain('appointments: 0 adopted, 0 without an owner now, 1 references emptied');
    const read = async (path: string) => (await home.http.get(`/v1/${path}`)).json.data;
    expect(await read(`leads/${lead.id}`)).toMatchObject({ ownerId: null, version: 2 });
    expect(await read(`leads/${kept.id}`)).toMatchObject({ ownerId: agent.userId, version: 1 });
    expect(await read(`appointments/${appointment.id}`)).toMatchObject({ leadId: null });
    const [row] = await read(`audit-log?resourceId=${lead.id}&action=UPDATE`);
    expect(row).toMatchObject({ authMethod: 'system', newValues: { ownerId: null } });
  });

  it('mixes no two teams: with records of several, one is named', async () => {
    const [first, second] = [await strays(), await strays()];
    const before = await everything();
    const unnamed = await adopt('--team', home.teamId);
    expect([unnamed.code, unnamed.stdout]).toEqual([2, '']);
    expect(unnamed.stderr).toContain(first.gone.teamId);
    expect((await adopt('--team', home.teamId, '--from', home.teamId)).code).toBe(2);
    expect(await everything()).toBe(before);
    expect((await adopt('--team', home.teamId, '--from', first.gone.teamId)).code).toBe(0);
    expect((await home.http.get(`/v1/leads/${second.lead.id}`)).status).toBe(404);
    const other = await registerOwner(app.http);
    expect((await adopt('--team', other.teamId)).code).toBe(0);
    expect((await other.http.get(`/v1/leads/${second.lead.id}`)).status).toBe(200);
  });

  it('undoes everything when it fails half-way', async () => {
    const { gone } = await strays();
    await app.database
      .sql(`CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'stop'; END $$;
      CREATE TRIGGER fail BEFORE DELETE ON clients FOR EACH ROW EXECUTE FUNCTION public.fail()`);
    const before = await everything();
    const { code, stdout } = await adopt('--team', home.teamId);
    expect([code, stdout]).toEqual([2, '']);
    expect(await everything()).toBe(before);
    await app.database.sql('DROP TRIGGER fail ON clients');
    expect((await adopt('--team', home.teamId)).code).toBe(0);
    expect(await rowsOf(gone.teamId)).toBe(1);
  });

  it('takes the name of the team too, and refuses one that is unknown or not unique', async () => {
    const { json } = await home.http.get('/v1/team');
    expect((await adopt('--team', json.data.name, '--dry-run')).code).toBe(0);
    await registerOwner(app.http, { teamName: json.data.name });
    const answers = await Promise.all([
      adopt('--team', json.data.name),
      adopt('--team', randomUUID()),
      adopt(),
      adopt('--team', home.teamId, '--force'),
    ]);
    expect(answers.map(({ code }) => code)).toEqual([2, 2, 2, 2]);
    expect(answers.map(({ stdout }) => stdout).join('')).toBe('');
    expect(answers[0].stderr).toContain('Several teams');
  });

  it('is closed to the application: its role may not ask across teams', async () => {
    const asApp = new pg.Client({ connectionString: app.database.appUrl });
    await asApp.connect();
    for (const call of ['latchkey.teams_that_are_gone()', `latchkey.find_team('x')`])
      await expect(asApp.query(`SELECT * FROM ${call}`)).rejects.toThrow('permission denied');
    await asApp.end();
  });
});
