import { validate, version } from 'uuid';
import { newId } from './new-id.js';

describe('new ids', () => {
  it('are UUIDs of version 7 of this moment', () => {
    const before = Date.now();
    const id = newId();
    expect([validate(id), version(id)]).toEqual([true, 7]);
    const madeAt = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
    expect(madeAt).toBeGreaterThanOrEqual(before);
    expect(madeAt).toBeLessThanOrEqual(Date.now() + 1);
  });

  it('rise and never repeat, over many blocks of random bytes', () => {
    const ids = Array.from({ length: 20_000 }, newId);
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
    // The random tails of neighbours have nothing in common.
    expect(new Set(ids.map((id) => id.slice(-11))).size).toBe(ids.length);
  });

  it.each([
    ['rise while the clock goes back a little', 50_000, true],
    ['follow a clock that was an hour ahead', 3_600_000, false],
  ])('%s', (_what, aheadMs, rises) => {
    const clock = jest.spyOn(Date, 'now');
    try {
      const nowMs = 1_795_000_000_000;
      clock.mockReturnValue(nowMs + aheadMs);
      const ahead = newId();
      clock.mockReturnValue(nowMs);
      const after = newId();
      expect(after > ahead).toBe(rises);
    } finally {
      clock.mockRestore();
    }
  });
});
