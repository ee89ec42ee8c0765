import { writeFileSync } from 'node:fs';
import { type Account, registerOwner } from '../harness/accounts.js';
import { addClients, sealed, tamper } from '../harness/audit.js';
import { type CommandResult, Commands } from '../harness/command.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const rowLine = (lines: string[], n: number): number =>
  lines.reduce<number[]>((at, line, i) => (line.includes('"kind":"row"') ? [...at, i] : at), [])[n];

describe('npm run audit:verify', () => {
  let app: TestApp;
  let commands: Commands;
  let owner: Account;
  let clientId: string;

  beforeAll(async () => {
    commands = new Commands();
    app = await startTestApp();
  });
  beforeEach(async () => {
    owner = await registerOwner(app.http);
    [clientId] = await addClients(owner, 4, { lastName: 'Vandersloot', allowDuplicate: true });
    const { json } = await owner.http.get('/v1/audit-log/public-key');
    writeFileSync(commands.path('key.pem'), json.data.publicKey);
    await anchor();
  });
  afterAll(async () => {
    await app.close();
    commands.remove();
  });

  const file = (text: string): string => {
    writeFileSync(commands.path('export.ndjson'), text);
    return commands.path('export.ndjson');
  };
  const exported = async (): Promise<string> => (await owner.http.get('/v1/audit-log/export')).text;
  /** Keeps the head outside, as the file of anchored heads does. */
  async function anchor(): Promise<any> {
    const { head } = await sealed(owner);
    writeFileSync(commands.path('heads.log'), `${JSON.stringify({ anchoredAt: head.sealedAt, ...head })}\n`);
    return head;
  }
  const verify = (...args: string[]): Promise<CommandResult> =>
    commands.run('oversight/audit/audit-verify.cli.js', args);
  const withAll = (text: string): Promise<CommandResult> =>
    verify(file(text), '--head', commands.path('heads.log'), '--public-key', commands.path('key.pem'));

  it('ends with 0 for a whole log, and says what it did not look at', async () => {
    const text = await exported();
    const { code, stdout, stderr } = await withAll(text);
    expect([code, stderr]).toEqual([0, '']);
    const said = JSON.parse(stdout);
    expect(said).toMatchObject({ valid: true, firstBrokenId: null, reason: null });
    expect(said.checkedRows).toBe((await sealed(owner)).checkedRows);
    const alone = await verify(file(text));
    expect(alone.code).toBe(0);
    expect(alone.stderr).toMatch(/came from the file itself[^]*No anchored head was given/);
  });

  it('ends with 1 for a file of a version that it does not know, and says so', async () => {
    const { code, stdout } = await withAll((await exported()).replace('"version":2', '"version":3'));
    expect(code).toBe(1);
    expect(JSON.parse(stdout).reason).toContain('the file is of version 3');
  });

  it.each([
    [
      'edited',
      (lines: string[], at: number) => lines.toSpliced(at, 1, lines[at].replace('CREATE', 'DELETE')),
    ],
    ['removed', (lines: string[], at: number) => lines.toSpliced(at, 1)],
  ])('ends with 1 and names a row that was %s in the file', async (_, change) => {
    const lines = (await exported()).split('\n');
    const at = rowLine(lines, 2);
    const { id } = JSON.parse(lines[at]);
    const { code, stdout } = await withAll(change(lines, at).join('\n'));
    expect([code, JSON.parse(stdout).firstBrokenId]).toEqual([1, id]);
  });

  it('ends with 1 and names a row that was edited in the database', async () => {
    const [{ id }] = await app.database.sql(
      `SELECT id FROM audit_log WHERE team_id = $1 ORDER BY id OFFSET 2 LIMIT 1`,
      [owner.teamId],
    );
    await tamper(app.database, `UPDATE audit_log SET request_id = 'other' WHERE id = '${id}'`);
    const { code, stdout } = await withAll(await exported());
    expect([code, JSON.parse(stdout).firstBrokenId]).toEqual([1, id]);
  });

  it('ends with 1 for a log that was cut off, given the anchored head; without it the cut does not show', async () => {
    await addClients(owner, 1);
    const newest = await anchor();
    await tamper(
      app.database,
      `DELETE FROM audit_log a USING audit_seal s WHERE s.team_id = '${owner.teamId}' AND s.seq = ${newest.seq} AND a.id = ANY (s.ids);
       DELETE FROM audit_seal WHERE team_id = '${owner.teamId}' AND seq = ${newest.seq}`,
    );
    const text = await exported();
    const { code, stdout } = await withAll(text);
    expect([code, JSON.parse(stdout).firstBrokenId]).toEqual([1, newest.lastId]);
    expect((await verify(file(text))).code).toBe(0);
  });

  it('ends with 0 after a person was erased, and the file has nothing of them', async () => {
    expect((await owner.http.post(`/v1/clients/${clientId}/erase`)).status).toBe(200);
    await anchor();
    const text = await exported();
    const about = text.split('\n').filter((line) => line.includes(`"resourceId":"${clientId}"`));
    expect(about.length).toBeGreaterThanOrEqual(2);
    expect(about.join('\n')).not.toMatch(/Vandersloot|"V\./);
    expect((await withAll(text)).code).toBe(0);
  });

  it('ends with 1 for another installation’s key and with 2 for what it cannot read', async () => {
    const other = await startTestApp({ env: { AUDIT_SIGNING_KEY: Buffer.alloc(32, 9).toString('base64') } });
    try {
      const stranger = await registerOwner(other.http);
      await sealed(stranger);
      const { text } = await stranger.http.get('/v1/audit-log/export');
      expect((await verify(file(text), '--public-key', commands.path('key.pem'))).code).toBe(1);
    } finally {
      await other.close();
    }
    for (const args of [[], ['/nowhere'], [file('{}'), '--public-key', commands.path('heads.log')]])
      expect((await verify(...args)).code).toBe(2);
    expect((await verify(file('not JSON'))).code).toBe(2);
    const headOfAnother = commands.path('others.log');
    writeFileSync(headOfAnother, JSON.stringify({ teamId: 'another', seq: 1 }));
    expect((await verify(file(await exported()), '--head', headOfAnother)).code).toBe(2);
  });
});
