import { createHash } from 'node:crypto';
import { merkleRoot, splitDigests } from './merkle.js';
import { rootFits, type Seal } from './seal.js';

const sha256 = (...parts: (string | Buffer)[]): Buffer =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
const leaf = (id: string, digest: string): Buffer => sha256('\0', id, Buffer.from(digest, 'hex'));
const node = (left: Buffer, right: Buffer): Buffer => sha256('\x01', left, right);

describe('the root of a batch', () => {
  const ids = ['a', 'bé', '01990000-0000-7000-8000-000000000001'];
  const digests = ids.map((id) => sha256(id).toString('hex'));

  it('is the tree hash of RFC 6962 over ids and digests', () => {
    const [a, b, c] = ids.map((id, n) => leaf(id, digests[n]));
    expect(merkleRoot(ids.slice(0, 1), digests.slice(0, 1))).toBe(a.toString('hex'));
    expect(merkleRoot(ids, digests)).toBe(node(node(a, b), c).toString('hex'));
  });

  it('is that of no digest but one in 64 lower-case hex digits', () => {
    for (const bad of ['', 'g'.repeat(64), 'A'.repeat(64), '0'.repeat(63), '0'.repeat(128)]) {
      expect(() => merkleRoot(['a'], [bad])).toThrow('64 hex digits');
      expect(splitDigests(bad)).toEqual(bad.length === 128 ? ['0'.repeat(64), '0'.repeat(64)] : []);
    }
  });

  it('fits no batch of millions of digests, or of ids that are no texts, and says so', () => {
    const seal = {
      ids: ['a'],
      digests: digests[0],
      rows: 1,
      lastId: 'a',
      root: merkleRoot(['a'], [digests[0]]),
    };
    expect(rootFits(seal as unknown as Seal)).toBe(true);
    expect(rootFits({ ...seal, digests: 'a'.repeat(64 * 2e5) } as unknown as Seal)).toBe(false);
    expect(rootFits({ ...seal, ids: [['a']], lastId: ['a'] } as unknown as Seal)).toBe(false);
  });
});
