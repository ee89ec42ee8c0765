import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { type Account, createKey, registerOwner } from '../harness/accounts.js';
import type { Answer, HttpClient } from '../harness/http-client.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';
import { until } from '../harness/until.js';

const FILE = process.env.IMPORT_FILE ?? join(__dirname, '../fixtures/king_county_house_sales_excerpt.csv');
const BOUNDARY = 'boundary';

const upload = (
  http: HttpClient,
  resource: string,
  file: string | Buffer,
  fields: Record<string, string> = {},
): Promise<Answer> => {
  const parts = Object.entries(fields).map(
    ([name, value]) => `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const head = `--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\ncontent-type: text/csv\r\n\r\n`;
  const raw = Buffer.concat([
    Buffer.from(parts.join('') + head),
    Buffer.from(file),
    Buffer.from(`\r\n--${BOUNDARY}--\r\n`),
  ]);
  const headers = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };
  return http.send('POST', `/v1/${resource}/import`, { raw, headers });
};

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
    }, 60_000);
    return done;
  };
  const imported = async (...given: [string, string | Buffer, Record<string, string>?]): Promise<any> => {
    const [resource, file, fields] = given;
    const answer = await upload(owner.http, resource, file, fields);
    expect([answer.status, answer.text]).toEqual([202, expect.any(String)]);
    return finished(answer.json.data.id);
  };

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
  }, 120_000);

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

  it('keeps the rows of people from those who see masks only, and is another team’s 404', async () => {
    const done = await imported('leads', 'firstName,email\n,robin@example.com\n');
    const masked = await createKey(owner, ['leads:read', 'leads:write']);
    expect((await masked.http.get(`/v1/imports/${done.id}`)).status).toBe(200);
    expect((await masked.http.get(`/v1/imports/${done.id}/errors`)).json.error.code).toBe(
      'INSUFFICIENT_SCOPE',
    );
    const stranger = await registerOwner(app.http);
    expect((await stranger.http.get(`/v1/imports/${done.id}`)).status).toBe(404);
    const [stored] = await app.database.sql(`SELECT count(*)::int AS n FROM import_chunks WHERE
      position('robin@example.com'::bytea in sealed) > 0`);
    expect(stored.n).toBe(0);
  });
});
