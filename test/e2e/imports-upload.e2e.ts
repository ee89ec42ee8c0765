import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { type Account, registerOwner } from '../harness/accounts.js';
import { eventually } from '../harness/eventually.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';
import { csvForm, uploadCsv } from '../harness/uploads.js';

const CSV = `firstName,email\nRobin,robin@example.com\n`;

describe('an upload', () => {
  let app: TestApp;
  let owner: Account;

  beforeAll(async () => {
    app = await startTestApp();
  });
  beforeEach(async () => {
    owner = await registerOwner(app.http);
  });
  afterAll(() => app.close());

  const chunksOf = async (teamId: string): Promise<number> => {
    const text = 'SELECT count(DISTINCT import_id)::int AS n FROM import_chunks WHERE team_id = $1';
    return (await app.database.sql(text, [teamId]))[0].n;
  };

  it('with the same Idempotency-Key is one import if the file is the same, and 422 if it is another', async () => {
    const headers = { 'idempotency-key': 'upload-1' };
    const first = await uploadCsv(owner.http, 'leads', CSV, {}, headers);
    expect(first.status).toBe(202);
    const again = await uploadCsv(owner.http, 'leads', CSV, {}, headers);
    expect([again.status, again.headers['idempotency-replayed']]).toEqual([202, 'true']);
    expect(again.json.data.id).toBe(first.json.data.id);
    const other = CSV.replace('robin@', 'sam@');
    for (const [file, fields] of [
      [other, {}],
      [CSV, { dryRun: 'true' }],
    ] as const) {
      const refused = await uploadCsv(owner.http, 'leads', file, fields, headers);
      expect([refused.status, refused.json.error.code]).toEqual([422, 'IDEMPOTENCY_MISMATCH']);
    }
    const [imports] = await app.database.sql('SELECT count(*)::int AS n FROM imports WHERE team_id = $1', [
      owner.teamId,
    ]);
    expect(imports.n).toBe(1);
    await eventually(async () => expect(await chunksOf(owner.teamId)).toBe(1));
  });

  it('that is refused leaves nothing behind', async () => {
    const refused = await uploadCsv(owner.http, 'leads', CSV, { matchOn: 'nothing' });
    expect([refused.status, refused.json.error.details[0].field]).toEqual([400, 'matchOn']);
    const empty = await uploadCsv(owner.http, 'leads', '');
    expect([empty.status, empty.json.error.details[0].field]).toEqual([400, 'file']);
    await eventually(async () => expect(await chunksOf(owner.teamId)).toBe(0));
  });

  it('whose commit was never confirmed keeps its file, and a repetition tells what became of it', async () => {
    const proxy = await losingProxy(Number(new URL(app.database.appUrl).port), 'imports:insert');
    const url = new URL(app.database.appUrl);
    url.port = String(proxy.port);
    const env = { ROLE: 'api' };
    const second = await startTestApp({ database: { ...app.database, appUrl: url.toString() }, env });
    try {
      const headers = { 'idempotency-key': 'upload-lost' };
      const http = second.http.with({ authorization: `Bearer ${owner.accessToken}` });
      const first = await uploadCsv(http, 'leads', CSV, {}, headers);
      expect([first.status, proxy.lost()]).toEqual([503, 1]);
      const again = await uploadCsv(owner.http, 'leads', CSV, {}, headers);
      expect([again.status, again.headers['idempotency-replayed']]).toEqual([202, 'true']);
      await eventually(async () => {
        const { json } = await owner.http.get(`/v1/imports/${again.json.data.id}`);
        expect(json.data).toMatchObject({ status: 'completed', imported: 1, reason: null });
      });
    } finally {
      await second.close();
      proxy.close();
    }
  });

  /** Sends a request's body in pieces; resolves with the answer and the time until the connection ended. */
  const drip = (
    path: string,
    headers: Record<string, string>,
    body: Buffer,
    pieces: number,
    everyMs: number,
  ): Promise<{ text: string; ms: number }> =>
    new Promise((resolve, reject) => {
      const startMs = Date.now();
      const socket = connect(app.port, '127.0.0.1');
      let text = '';
      let sent = 0;
      const all = {
        host: 'localhost',
        'content-length': String(body.length),
        connection: 'close',
        ...headers,
      };
      const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.write(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
      // As many as are due: on a busy machine the timer is late.
      const timer = setInterval(() => {
        const due = Math.min(pieces, Math.floor((Date.now() - startMs) / everyMs));
        if (due === sent || !socket.writable) return;
        const from = Math.floor((body.length * sent) / pieces);
        socket.write(body.subarray(from, Math.floor((body.length * due) / pieces)));
        sent = due;
      }, everyMs);
      socket.on('data', (data) => (text += data.toString()));
      socket.on('error', (error) => {
        if (
          (error as { code?: string }).code !== 'ECONNRESET' &&
          (error as { code?: string }).code !== 'EPIPE'
        )
          reject(error);
      });
      socket.on('close', () => {
        clearInterval(timer);
        resolve({ text, ms: Date.now() - startMs });
      });
    });

  it('may take its time if it comes on; whatever trickles is cut off within 15 seconds', async () => {
    const auth = { authorization: `Bearer ${owner.accessToken}` };
    const lines = Array.from({ length: 60_000 }, (_, n) => `Robin,row${n}@example.com\n`).join('');
    const form = csvForm(`firstName,email\n${lines}`, { dryRun: 'true' });
    const json = { 'content-type': 'application/json' };
    const [honest, trickle, late, strange, body] = await Promise.all([
      // 1.7 MB in 17 s.
      drip('/v1/leads/import', { ...auth, ...form.headers }, form.raw, 85, 200),
      drip('/v1/leads/import', { ...auth, ...form.headers }, form.raw, form.raw.length, 200),
      // Nothing after the head.
      drip('/v1/leads/import', { ...auth, ...form.headers }, form.raw, 0, 1000),
      // Who is nobody gets no upload's time, at whatever rate.
      drip('/v1/leads/import', form.headers, form.raw, 170, 200),
      drip('/v1/leads', { ...auth, ...json }, Buffer.alloc(900_000, ' '), 600, 200),
    ]);
    expect([honest.text.split('\r\n', 1)[0], honest.ms > 15_000]).toEqual(['HTTP/1.1 202 Accepted', true]);
    for (const cut of [trickle, late, body]) {
      expect(cut.text).toContain('HTTP/1.1 400 Bad Request');
      expect(cut.text).toContain('The request took too long to arrive.');
      expect(cut.ms).toBeLessThan(15_000);
    }
    expect(strange.text).toContain('HTTP/1.1 401');
    expect(strange.ms).toBeLessThan(15_000);
    // What was cut off is not kept.
    await eventually(async () => expect(await chunksOf(owner.teamId)).toBe(1));
  });
});

/** What PostgreSQL says at the end of a transaction that is over: ReadyForQuery, idle. */
const COMMITTED = Buffer.from('Z\0\0\0\u0005I', 'latin1');

/** Passes connections on to PostgreSQL, but cuts the first that runs the named statement once that is committed, before it is told. */
async function losingProxy(target: number, statement: string) {
  let lost = 0;
  const server = createServer((socket) => {
    const onward = connect(target, '127.0.0.1').on('error', () => undefined);
    let losing = false;
    socket.on('error', () => undefined).on('close', () => onward.destroy());
    onward.on('close', () => socket.destroy());
    socket.on('data', (data) => {
      losing ||= lost === 0 && data.includes(statement);
      onward.write(data);
    });
    onward.on('data', (data) => {
      if (!losing) socket.write(data);
      else if (data.subarray(-COMMITTED.length).equals(COMMITTED)) {
        lost++;
        socket.destroy();
      }
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { port: (server.address() as AddressInfo).port, lost: () => lost, close: () => server.close() };
}
