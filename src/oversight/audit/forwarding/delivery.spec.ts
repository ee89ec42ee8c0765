import { randomBytes, randomUUID } from 'node:crypto';
import { merkleRoot } from '../merkle.js';
import { digestOf } from '../row-digest.js';
import type { StoredRow } from '../stored-row.js';
import { compose, type Delivery } from './delivery.js';
import type { NumberedSeal } from './forward-store.js';
import { framed, messagesOf } from './syslog-message.js';

const TEAM = randomUUID();

function row(values: string, userAgent = 'agent'): StoredRow {
  return {
    teamId: TEAM,
    id: randomUUID(),
    createdAt: '2026-11-21T10:00:00.000Z',
    action: 'UPDATE',
    resourceType: 'listing',
    resourceId: randomUUID(),
    userId: null,
    apiKeyId: null,
    authMethod: 'jwt',
    oldValues: null,
    newValues: JSON.stringify({ notes: values }),
    sealed: null,
    ipAddress: '203.0.113.9',
    userAgent,
    requestId: 'r-1',
    writtenIn: '1',
    mac: null,
    contentDigest: null,
  };
}

function sealOf(rows: readonly StoredRow[], rowsSent = 0): NumberedSeal {
  const ids = rows.map(({ id }) => id);
  const digests = rows.map(digestOf);
  return {
    teamId: TEAM,
    seq: 1,
    rows: ids.length,
    totalRows: ids.length,
    lastId: ids[ids.length - 1],
    firstCreatedAt: rows[0].createdAt,
    lastCreatedAt: rows[0].createdAt,
    sealedAt: '2026-11-21T10:00:01.000Z',
    root: merkleRoot(ids, digests),
    previousRoot: '0'.repeat(64),
    keyId: 'k',
    signature: randomBytes(64).toString('hex'),
    ids,
    digests: digests.join(''),
    page: '1',
    rowsSent,
  };
}

async function deliver(rows: readonly StoredRow[], rowsSent = 0): Promise<Delivery> {
  const stored = new Map(rows.map((each) => [each.id, each]));
  return compose(
    [sealOf(rows, rowsSent)],
    () => Promise.resolve(true),
    () => Promise.resolve(stored),
  );
}

describe('a delivery', () => {
  it('splits a batch that is too large, and the parts together are the batch', async () => {
    const rows = Array.from({ length: 60 }, () => row('x'.repeat(30_000)));
    const sent: string[] = [];
    let parts = 0;
    for (let at = 0; at < rows.length; parts++) {
      const { batches, end } = await deliver(rows, at);
      expect(batches[0].firstIndex).toBe(at);
      expect(JSON.stringify(batches).length).toBeLessThan(600_000);
      sent.push(...batches[0].rows.map(({ id }) => id));
      at = end.rowsSent;
    }
    expect(parts).toBeGreaterThan(2);
    expect(sent).toEqual(rows.map(({ id }) => id));
  });

  it('leaves values at home that would make a receiver refuse everything behind them', async () => {
    const { batches } = await deliver([row('x'.repeat(900_000)), row('small')]);
    const [large, small] = batches[0].rows;
    expect(large).toMatchObject({ newValues: null, valuesOmitted: true, state: 'intact' });
    expect(small).toMatchObject({ newValues: { notes: 'small' }, valuesOmitted: false });
  });
});

describe('a syslog message', () => {
  const hostile = 'a\n<110>1 - - - - - - forged "x] \\ \u2028 é \ud800';

  it('stays one message of at most 8 KiB, whatever was written into the row', async () => {
    const { batches } = await deliver([row(hostile, hostile), row('x'.repeat(20_000))]);
    for (const message of messagesOf(batches[0], 'host name\n')) {
      expect(message.length).toBeLessThanOrEqual(8192);
      const text = message.toString();
      expect(text).not.toMatch(/[\n\r\u2028]/);
      expect(text).toMatch(
        /^<1(06|10|09)>1 2026-11-21T10:00:0[01]\.000Z hostname latchkey - audit-(row|seal) \[/,
      );
      expect(framed(message).toString()).toBe(`${message.length} ${text}`);
    }
  });

  it('keeps the head for the part of a batch that ends it', async () => {
    const rows = [row('a'), row('b')];
    const [whole] = (await deliver(rows)).batches;
    const first = { ...whole, rows: whole.rows.slice(0, 1) };
    const second = { ...whole, firstIndex: 1, rows: whole.rows.slice(1) };
    const heads = [first, second].map(
      (part) => messagesOf(part, 'h').filter((m) => m.includes('audit-seal')).length,
    );
    expect(heads).toEqual([0, 1]);
  });
});
