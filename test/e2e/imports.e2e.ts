import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { ImportRunner } from '../../src/crm/imports/import-runner.js';
import { Clock } from '../../src/platform/clock/clock.js';
import { type Account, createKey, registerOwner } from '../harness/accounts.js';
import { moveClock } from '../harness/clock.js';
import { eventually } from '../harness/eventually.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';
import { until } from '../harness/until.js';
import { uploadCsv } from '../harness/uploads.js';

const FILE = process.env.IMPORT_FILE ?? join(__dirname, '../fixtures/king_county_house_sales_excerpt.csv');
describe('an import', () => {
  let app: TestApp;
  let owner: Account;

  beforeAll(async () => {
    app = await startTestApp();
  });
  beforeEach(async () => {
    owner = await registerOwner(app.http);
  });
  afterAll(() => app.close());

  const finished = async (id: string): Promise<any> => {
    const [done] = await until(async () => {
      const { data } = (await owner.http.get(`/v1/imports/${id}`)).json;
      return data.finishedAt === null ? [] : [data];
    });
    return done;
  };
  const imported = async (...given: [string, string | Buffer, Record<string, string>?]): Promise<any> => {
    const [resource, file, fields] = given;
    const answer = await uploadCsv(owner.http, resource, file, fields);
    expect([answer.status, answer.text]).toEqual([202, expect.any(String)]);
    return finished(answer.json.data.id);
  };

  // The job that deletes runs once an hour of the clock.
  const hours = (count: number): void => moveClock(app, count * 3_600_000);
  const ran = async (): Promise<unknown[]> =>
    app.database.sql(
      `SELECT FROM pgboss.job WHERE name = 'forget-import-files' AND state = 'completed'
        AND singleton_on = date_trunc('hour', $1::timestamptz AT TIME ZONE 'UTC')`,
      [new Date(app.app.get(Clock, { strict: false }).nowMs()).toISOString()],
    );

  it('accounts for every row of real sales, with those whose number occurs twice in the errors file', async () => {
    const text = readFileSync(FILE, 'utf8');
    const rows: Record<string, string>[] = parse(text, { columns: true });
    const ids = new Set(rows.map(({ id }) => id));
    const started = Date.now();
    const done = await imported('listings', text);
    if (process.env.IMPORT_FILE) process.stdout.write(`${JSON.stringify(done)} ${Date.now() - started} ms\n`);
    expect(done).toMatchObject({ status: 'completed', total: rows.length, processed: rows.length });
    const errors = parse((await owner.http.get(`/v1/imports/${done.id}/errors`)).text, { columns: true });
    expect(done.imported + errors.length).toBe(rows.length);
    expect(done.imported).toBeLessThanOrEqual(ids.size);
    const [listing] = (await owner.http.get(`/v1/listings?mlsNumber=${rows[0].id}`)).json.data;
    expect(listing).toMatchObject({
      price: Number(rows[0].price) * 100,
      latitude: Number(rows[0].lat),
      squareFeet: Number(rows[0].sqft_living),
      listedAt: new Date(`${rows[0].date} UTC`).toISOString(),
    });
    const [audit] = await app.database.sql(
      `SELECT count(*)::int AS n FROM audit_log WHERE team_id = $1 AND resource_type = 'listing' AND action = 'CREATE'`,
      [owner.teamId],
    );
    expect(audit.n).toBe(done.imported);
  });

  it('reads what Excel writes: a mark, semicolons, quoted line ends, UTF-16', async () => {
    const text = '\ufeffFirst Name;Last Name;E-mail;Notes\r\nZoë;Rivera;zoe@example.com;"two\r\nlines"\r\n';
    expect(await imported('clients', text)).toMatchObject({ imported: 1, failed: 0 });
    const wide = Buffer.from(text.replace('zoe@', 'zoe2@'), 'utf16le');
    expect(await imported('clients', wide)).toMatchObject({ imported: 1, failed: 0 });
    const [client] = (await owner.http.get('/v1/clients?email=zoe2@example.com')).json.data;
    expect(client).toMatchObject({ firstName: 'Zoë', notes: 'two\nlines' });
  });

  it('changes who is there already with matchOn, and reports them without', async () => {
    const text = 'firstName,email\nRobin,robin@example.com\nSam,sam@example.com\n';
    expect(await imported('leads', text)).toMatchObject({ imported: 2 });
    expect(await imported('leads', text.replace('Robin', 'Robyn'), { matchOn: 'email' })).toMatchObject({
      imported: 0,
      updated: 2,
    });
    expect(await imported('leads', text)).toMatchObject({ imported: 0, duplicates: 2 });
    const [lead] = (await owner.http.get('/v1/leads?email=robin@example.com')).json.data;
    expect(lead.firstName).toBe('Robyn');
  });

  it('writes nothing in a dry run, and says of each row why it would fail', async () => {
    const text = 'Person,Mail\nRobin,robin@example.com\n,nobody\nSam,robin@example.com\n';
    const mapping = JSON.stringify({ Person: 'firstName', Mail: 'email' });
    const done = await imported('leads', text, { dryRun: 'true', mapping });
    expect(done).toMatchObject({ total: 3, imported: 1, failed: 1, duplicates: 1 });
    expect((await owner.http.get('/v1/leads')).json.data).toEqual([]);
    const errors = (await owner.http.get(`/v1/imports/${done.id}/errors`)).text;
    expect(errors).toContain('row,code,message,Person,Mail\r\n2,VALIDATION_FAILED,');
  });

  it('makes a dry run in slices, each of which knows the rows of those before', async () => {
    const people = Array.from({ length: 450 }, (_, n) => `Robin,row${n}@example.com\n`);
    const text = `firstName,email\n${people.join('')}${people.slice(0, 30).join('')}`;
    const runner = app.app.get(ImportRunner, { strict: false });
    const usual = runner.sliceMs;
    runner.sliceMs = -1;
    try {
      const done = await imported('leads', text, { dryRun: 'true' });
      expect(done).toMatchObject({ status: 'completed', total: 480, imported: 450, duplicates: 30 });
      const changed = await imported('leads', text, { dryRun: 'true', matchOn: 'email' });
      expect(changed).toMatchObject({ status: 'completed', total: 480, imported: 450, updated: 30 });
    } finally {
      runner.sliceMs = usual;
    }
    const [left] = await app.database.sql('SELECT count(*)::int AS n FROM import_rehearsals');
    expect(left.n).toBe(0);
    expect((await owner.http.get('/v1/leads')).json.data).toEqual([]);
  });

  it('reports alone what the database refuses at the commit, and imports the rows around it', async () => {
    const nobody = '01890000-0000-7000-8000-000000000000';
    const lines = Array.from(
      { length: 40 },
      (_, n) => `Robin,row${n}@example.com,${n === 23 ? nobody : ''}\n`,
    );
    const done = await imported('leads', `firstName,email,ownerId\n${lines.join('')}`);
    expect(done).toMatchObject({ status: 'completed', total: 40, imported: 39, failed: 1 });
    expect((await owner.http.get(`/v1/imports/${done.id}/errors`)).text).toContain('\r\n24,NOT_FOUND,');
  });

  it('keeps the rows of people from those who see masks only, and is another team’s 404', async () => {
    const done = await imported('leads', 'firstName,email\n,robin@example.com\n');
    const masked = await createKey(owner, ['leads:read', 'leads:write']);
    expect((await masked.http.get(`/v1/imports/${done.id}`)).status).toBe(200);
    expect((await masked.http.get(`/v1/imports/${done.id}/errors`)).json.error.code).toBe(
      'INSUFFICIENT_SCOPE',
    );
    const seeing = await createKey(owner, ['leads:read', 'leads:pii']);
    expect((await seeing.http.get(`/v1/imports/${done.id}/errors`)).text).toContain('robin@example.com');
    const stranger = await registerOwner(app.http);
    expect((await stranger.http.get(`/v1/imports/${done.id}`)).status).toBe(404);
    expect((await stranger.http.get(`/v1/imports/${done.id}/errors`)).status).toBe(404);
  });

  it('keeps file and rejected rows sealed: nothing of them can be read in the table', async () => {
    const line = ',planted.name@example.com,+1 202 555 0147\n';
    await imported('leads', `firstName,email,phone\n${line.repeat(3)}`);
    const chunks: { kind: string; sealed: Buffer }[] = await app.database.sql(
      'SELECT kind, sealed FROM import_chunks WHERE team_id = $1',
      [owner.teamId],
    );
    expect(chunks.map(({ kind }) => kind).sort()).toEqual(['errors', 'file']);
    for (const { sealed } of chunks) {
      const texts = [sealed.toString('latin1'), Buffer.from(sealed.toString('latin1'), 'base64').toString()];
      for (const text of texts) expect(text).not.toMatch(/planted|555/);
      // The same test on what was sealed, to know that it would find it.
      expect(Buffer.from(line).toString('latin1')).toMatch(/planted|555/);
    }
  });

  it('deletes file and rejected rows after seven days, and keeps the counts', async () => {
    const done = await imported('leads', 'firstName,email\n,robin@example.com\nSam,sam@example.com\n');
    const chunks = async (): Promise<number> => {
      const text = 'SELECT count(*)::int AS n FROM import_chunks WHERE team_id = $1';
      return (await app.database.sql(text, [owner.teamId]))[0].n;
    };
    try {
      hours(7 * 24 - 1);
      await eventually(async () => expect(await ran()).toHaveLength(1));
      expect(await chunks()).toBe(2);
      hours(7 * 24 + 1);
      await eventually(async () => expect(await chunks()).toBe(0));
    } finally {
      hours(0);
    }
    expect((await owner.http.get(`/v1/imports/${done.id}`)).json.data).toMatchObject({
      imported: 1,
      failed: 1,
    });
    expect((await owner.http.get(`/v1/imports/${done.id}/errors`)).json.error.code).toBe('NOT_FOUND');
  });
});
