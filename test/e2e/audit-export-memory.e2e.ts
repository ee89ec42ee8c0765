import { type Account, registerOwner } from '../harness/accounts.js';
import { download } from '../harness/download.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const BATCHES = 100;
const BATCH_ROWS = 500;
const PENDING = 10_000;
const MEGABYTE = 1024 * 1024;
/** A batch or two under way. Held as a whole the rows would be several hundred. */
const MOST_GROWTH = 20 * MEGABYTE;

describe('a large export of the audit log', () => {
  let app: TestApp;
  let owner: Account;

  beforeAll(async () => {
    // Without a sealer, so that the made-up log stays as it is.
    app = await startTestApp({ env: { ROLE: 'api' } });
    owner = await registerOwner(app.http);
    await fill();
  });
  afterAll(() => app.close());

  /** Sealed batches, then rows that wait. Signatures and roots are made up: an export does not look at them. */
  async function fill(): Promise<void> {
    const insert = (kind: string, from: number, to: number): Promise<unknown> =>
      app.database.sql(
        `INSERT INTO audit_log (team_id, id, action, resource_type, resource_id, old_values, new_values, auth_method, request_id, mac)
         SELECT $1, ('01890000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'UPDATE', 'listing', gen_random_uuid(),
           jsonb_build_object('street', repeat('Harbor Street ', 20)), jsonb_build_object('street', repeat('Hill Road ', 20)),
           'jwt', $2 || n, decode(repeat('00', 32), 'hex') FROM generate_series($3::int, $4::int) n`,
        [owner.teamId, kind, from, to],
      );
    const sealedRows = BATCHES * BATCH_ROWS;
    await insert('sealed-', 1, sealedRows);
    await app.database.sql(
      `INSERT INTO audit_seal SELECT $1, b, array_agg(a.id ORDER BY a.id), decode(repeat('00', 32 * $2::int), 'hex'), b * $2::int,
         min(a.created_at), max(a.created_at), now(), decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex'), 'none',
         decode(repeat('00', 64), 'hex')
       FROM generate_series(1, $3::int) b JOIN audit_log a ON a.team_id = $1 AND a.request_id LIKE 'sealed-%'
         AND ('x' || right(a.id::text, 8))::bit(32)::int BETWEEN (b - 1) * $2 + 1 AND b * $2 GROUP BY b`,
      [owner.teamId, BATCH_ROWS, BATCHES],
    );
    await app.database.sql('UPDATE audit_sealer SET sealed_through = pg_current_snapshot()');
    await insert('pending-', sealedRows + 1, sealedRows + PENDING);
    // A table that grew this much at once has no statistics yet, and autovacuum comes when it likes.
    await app.database.sql('ANALYZE audit_log');
    await app.database.sql('ANALYZE audit_seal');
  }

  it.each([
    // A header; or the first line, the batches, and the last line.
    ['csv', 1, 'id,createdAt'],
    ['ndjson', BATCHES + 2, '{"kind":"export"'],
  ])('takes no more memory than a small one: %s', async (format, others, head) => {
    const path = `/v1/audit-log/export?format=${format}`;
    const { lines, first, grownBytes } = await download(app.port, path, owner.accessToken);
    expect(first.startsWith(head)).toBe(true);
    expect(lines).toBe(BATCHES * BATCH_ROWS + PENDING + others);
    expect(grownBytes).toBeLessThan(MOST_GROWTH);
  });
});
