import { EventBuffer, type EventRow, networkOf } from './event-buffer.js';
import type { SecurityEvent } from './security-event.js';

const START_MS = Date.UTC(2026, 0, 1);
const denial = (fields: Partial<SecurityEvent> = {}): SecurityEvent => ({
  type: 'permission_denied',
  teamId: null,
  userId: null,
  ipAddress: '203.0.113.7',
  requestId: 'r1',
  ...fields,
});

function rowsOf(events: SecurityEvent[], stepMs = 0): EventRow[] {
  const buffer = new EventBuffer();
  events.forEach((event, index) => buffer.add(event, START_MS + index * stepMs));
  return buffer.take(Number.POSITIVE_INFINITY);
}
const total = (rows: EventRow[]) => rows.reduce((sum, row) => sum + row.count, 0);

describe('event buffer', () => {
  it('gives the first events of a caller a row each, with their request ids', () => {
    const rows = rowsOf(['a', 'b', 'c'].map((requestId) => denial({ requestId })));
    expect(rows.map((row) => [row.requestId, row.count, row.aggregatedBy])).toEqual([
      ['a', 1, null],
      ['b', 1, null],
      ['c', 1, null],
    ]);
  });

  it('sums a flood of one address up in one row a minute', () => {
    const rows = rowsOf(Array.from({ length: 5000 }, () => denial()));
    expect(rows).toHaveLength(6);
    expect(rows.at(-1)).toMatchObject({ count: 4995, aggregatedBy: 'address', ipAddress: '203.0.113.7' });
  });

  it('100,000 denials from 10,000 addresses in four minutes make fewer than 250 rows and lose none', () => {
    const events = Array.from({ length: 100_000 }, (_, i) => {
      const address = i % 10_000;
      return denial({ ipAddress: `${10 + (address % 200)}.${address >> 8}.0.${address & 255}` });
    });
    const rows = rowsOf(events, 2.4);
    expect(rows.length).toBeLessThan(250);
    expect(total(rows)).toBe(100_000);
  });

  it('a flood of one type or team leaves the rows of others alone', () => {
    const flood = Array.from({ length: 20_000 }, (_, i) =>
      denial({ ipAddress: `10.${i >> 8}.${i & 255}.1` }),
    );
    const rows = rowsOf([
      ...flood,
      denial({ type: 'token_reused', requestId: 'needle', ipAddress: '10.0.0.1' }),
      denial({ teamId: 'a-team', requestId: 'needle' }),
    ]);
    expect(rows.filter((row) => row.requestId === 'needle').map((row) => row.aggregatedBy)).toEqual([
      null,
      null,
    ]);
  });

  it('while the database is away memory stays bounded and counts are kept', () => {
    const teams = Array.from({ length: 60_000 }, (_, i) =>
      denial({ teamId: `team-${i % 3000}`, ipAddress: `10.1.${i >> 8}.1` }),
    );
    const rows = rowsOf(teams);
    expect(total(rows)).toBe(60_000);
    expect(rows.length).toBeLessThan(10_000);
  });

  it('a row that was put back is taken again with its total', () => {
    const buffer = new EventBuffer();
    for (let i = 0; i < 10; i++) buffer.add(denial(), START_MS);
    const first = buffer.take(100);
    buffer.putBack(first);
    buffer.add(denial(), START_MS);
    expect(total(buffer.take(100))).toBe(11);
  });

  it('details are short and hold no control characters', () => {
    const [row] = rowsOf([denial({ details: { path: `/a\r\n\u001b[31m${'x'.repeat(1000)}` } })]);
    expect(row.details.path).toMatch(/^\/a\[31mx{1,295}$/);
  });

  it.each([
    ['203.0.113.7', '203.0.0.0/16'],
    ['2001:db8:1:2::3', '2001:db8::/32'],
    ['::1', '0:0::/32'],
    [null, 'unknown'],
  ])('the network of %s is %s', (address, network) => expect(networkOf(address)).toBe(network));
});
