import fc from 'fast-check';
import { canonicalJson } from './canonical-json.js';

/** As it was when the first rows were written: their codes must still fit. */
function asOfOld(text: string): string {
  const sorted = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map(sorted);
    const parts = value as Record<string, unknown>;
    return Object.fromEntries(
      Object.keys(parts)
        .sort()
        .map((name) => [name, sorted(parts[name])]),
    );
  };
  return JSON.stringify(sorted(JSON.parse(text)));
}

/** Keys of every kind that sorts or behaves oddly. */
const key = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 4 }),
  fc.constantFrom('__proto__', '10', '9', 'b', 'a', ''),
);
const leaf = fc.oneof(
  fc.string(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.constant(undefined),
  fc.date({ noInvalidDate: true }),
);
const { values } = fc.letrec<{ values: unknown }>((tie) => ({
  values: fc.oneof({ maxDepth: 4 }, leaf, fc.array(tie('values')), fc.dictionary(key, tie('values'))),
}));

describe('canonical JSON', () => {
  it('of values is that of their text, and of a text that jsonb gave back, as it always was', () => {
    fc.assert(
      fc.property(fc.dictionary(key, values), (object) => {
        const text = JSON.stringify(object);
        expect(canonicalJson(object)).toBe(asOfOld(text));
        expect(canonicalJson(JSON.parse(text))).toBe(asOfOld(text));
      }),
      { numRuns: 3000 },
    );
  });

  it('does not depend on the order of keys, at any depth', () => {
    expect(canonicalJson({ b: [{ d: 1, c: 2 }], a: { y: null, x: 'é' } })).toBe(
      '{"a":{"x":"é","y":null},"b":[{"c":2,"d":1}]}',
    );
    expect(canonicalJson({ a: 1, b: 2 })).not.toBe(canonicalJson({ a: 2, b: 1 }));
  });
});
