import { pooledRandom } from './random-pool.js';

describe('random bytes from a pool', () => {
  it('are never the same, over many blocks', () => {
    const drawn = new Set(Array.from({ length: 5000 }, () => pooledRandom(16).toString('hex')));
    expect(drawn.size).toBe(5000);
  });

  it('are of the length asked for, at the end of a block as well', () => {
    for (let length = 1; length <= 200; length++) expect(pooledRandom(length)).toHaveLength(length);
    expect(pooledRandom(4096)).toHaveLength(4096);
    expect(() => pooledRandom(4097)).toThrow('directly');
  });

  it('have every value of a byte about equally often', () => {
    const counts = Array.from({ length: 256 }, () => 0);
    for (let n = 0; n < 4000; n++) for (const byte of pooledRandom(32)) counts[byte]++;
    // 500 of each are expected, with a standard deviation of 22.
    expect(Math.min(...counts)).toBeGreaterThan(350);
    expect(Math.max(...counts)).toBeLessThan(650);
  });

  it('belong to the one who drew them', () => {
    const first = pooledRandom(32);
    const before = first.toString('hex');
    pooledRandom(4096);
    pooledRandom(4096);
    expect(first.toString('hex')).toBe(before);
  });
});
