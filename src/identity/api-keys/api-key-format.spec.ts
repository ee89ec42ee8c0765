import fc from 'fast-check';
import { inAQuietMoment } from '../../../test/harness/quiet-moment.js';
import {
  API_KEY_LENGTH,
  apiKeyLastFour,
  apiKeyPrefix,
  generateApiKey,
  looksLikeApiKey,
  parseApiKey,
} from './api-key-format.js';

/** Computed once with another implementation (Python’s zlib.crc32), so that a change of ours cannot hide. */
// secret-scan:allow a made-up key
const KNOWN = 'lk_live_0123456789ABCDEF_0123456789abcdefghijklmnopqrstuv064wA6';

/** A key with a right checksum around a body that may be wrong in other ways. */
function withBody(body: string): string {
  return body + checksumByHand(body);
}

function checksumByHand(body: string): string {
  let crc = 0xffffffff;
  for (const byte of Buffer.from(body)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  let value = BigInt((crc ^ 0xffffffff) >>> 0);
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  let text = '';
  for (let i = 0; i < 6; i += 1) {
    text = digits[Number(value % 62n)] + text;
    value /= 62n;
  }
  return text;
}

describe('API key format', () => {
  it.each(['live', 'test'] as const)('a %s key has the contract’s shape and reads back', (environment) => {
    const made = generateApiKey(environment);
    expect(made.key).toMatch(new RegExp(`^lk_${environment}_[A-Za-z0-9]{16}_[A-Za-z0-9]{38}$`));
    expect(made.key).toHaveLength(API_KEY_LENGTH);
    const parsed = parseApiKey(made.key);
    expect(parsed).toEqual({ environment, id: made.id, secret: expect.stringMatching(/^[A-Za-z0-9]{32}$/) });
    expect(made.key).toBe(withBody(`lk_${environment}_${made.id}_${parsed?.secret}`));
  });

  it('reads a key written down once, so the checksum never changes by accident', () => {
    expect(withBody(KNOWN.slice(0, -6))).toBe(KNOWN);
    expect(parseApiKey(KNOWN)).toEqual({
      environment: 'live',
      id: '0123456789ABCDEF',
      // secret-scan:allow a made-up key
      secret: '0123456789abcdefghijklmnopqrstuv',
    });
  });

  it('the secret holds at least 160 bits, also after the last four characters were shown', () => {
    expect(32 * Math.log2(62) - 4 * Math.log2(62)).toBeGreaterThan(160);
    expect(16 * Math.log2(62)).toBeGreaterThan(80);
  });

  it('never makes the same id or key twice', () => {
    const keys = Array.from({ length: 5_000 }, () => generateApiKey('live'));
    expect(new Set(keys.map((made) => made.id)).size).toBe(5_000);
    expect(new Set(keys.map((made) => made.key)).size).toBe(5_000);
  });

  it('draws all 62 characters evenly: no modulo bias', () => {
    const counts = new Map<string, number>();
    const keyCount = 8_000;
    for (let i = 0; i < keyCount; i += 1) {
      for (const char of parseApiKey(generateApiKey('test').key)!.secret) {
        counts.set(char, (counts.get(char) ?? 0) + 1);
      }
    }
    const expected = (keyCount * 32) / 62;
    const chiSquare = [...counts.values()].reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
    expect(counts.size).toBe(62);
    // 61 degrees of freedom: 150 is passed by chance less than once in 10^8 runs; `byte % 62` scores above 700.
    expect(chiSquare).toBeLessThan(150);
  });

  it('refuses every change of a single character', () => {
    fc.assert(
      fc.property(
        fc.nat(API_KEY_LENGTH - 1),
        fc.constantFrom(...'0123456789ABCXYZabcxyz_-. \n\0é'),
        (at, char) => {
          fc.pre(KNOWN[at] !== char);
          expect(parseApiKey(KNOWN.slice(0, at) + char + KNOWN.slice(at + 1))).toBeNull();
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('refuses two neighbouring characters swapped', () => {
    for (let at = 0; at < API_KEY_LENGTH - 1; at += 1) {
      if (KNOWN[at] === KNOWN[at + 1]) continue;
      const swapped = KNOWN.slice(0, at) + KNOWN[at + 1] + KNOWN[at] + KNOWN.slice(at + 2);
      expect(parseApiKey(swapped)).toBeNull();
    }
  });

  it('refuses a wrong environment, case, separator or length even with a right checksum', () => {
    const [id, secret] = ['0123456789ABCDEF', '0123456789abcdefghijklmnopqrstuv'];
    expect(parseApiKey(withBody(`lk_live_${id}_${secret}`))).not.toBeNull();
    for (const body of [
      `lk_prod_${id}_${secret}`,
      `LK_live_${id}_${secret}`,
      `lk_LIVE_${id}_${secret}`,
      `lk-live-${id}-${secret}`,
      `lk_live_${id}${secret}_`,
      `lk_live_${id}_${secret}0`,
      `lk_live_${id}_${secret.slice(1)}`,
      `lk_live_${id.slice(1)}_0${secret}`,
      `lk_live_${id.slice(1)}-_${secret}`,
      `lk_live_${id}_${secret.slice(1)}é`,
    ]) {
      expect(parseApiKey(withBody(body))).toBeNull();
    }
    for (const text of [
      '',
      'lk_live_',
      ` ${KNOWN}`,
      `${KNOWN}\n`,
      `${KNOWN.slice(0, -1)}\n`,
      KNOWN.slice(1),
    ]) {
      expect(parseApiKey(text)).toBeNull();
    }
  });

  it('never throws, whatever a header holds', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(parseApiKey(value as string)).toBeNull();
      }),
    );
    expect(parseApiKey([KNOWN] as unknown as string)).toBeNull();
  });

  it('refuses a megabyte as fast as a short text', () =>
    inAQuietMoment(() => {
      const huge = `lk_live_${'A'.repeat(1_000_000)}`;
      const started = process.hrtime.bigint();
      for (let i = 0; i < 1_000; i += 1) parseApiKey(huge);
      expect(Number(process.hrtime.bigint() - started) / 1e6).toBeLessThan(50);
    }));

  it('shows a prefix and four characters that give away nothing of the secret', () => {
    const made = generateApiKey('live');
    expect(made.prefix).toBe(`lk_live_${made.id.slice(0, 6)}`);
    expect(apiKeyPrefix('test', made.id)).toBe(`lk_test_${made.id.slice(0, 6)}`);
    expect(made.lastFour).toBe(made.key.slice(-4));
    expect(apiKeyLastFour(KNOWN)).toBe(KNOWN.slice(-4));
    expect(parseApiKey(made.key)!.secret + made.key.slice(-6)).toBe(made.key.slice(-38));
  });

  it('tells a damaged key from a JWT', () => {
    expect(looksLikeApiKey('lk_live_typo')).toBe(true);
    expect(looksLikeApiKey('eyJhbGciOiJIUzI1NiJ9.e30.x')).toBe(false);
  });

  it('parses in a few microseconds', () =>
    inAQuietMoment(() => {
      for (let i = 0; i < 5_000; i += 1) parseApiKey(KNOWN);
      const rounds = Array.from({ length: 5 }, () => {
        const started = process.hrtime.bigint();
        for (let i = 0; i < 5_000; i += 1) parseApiKey(KNOWN);
        return Number(process.hrtime.bigint() - started) / 5_000;
      });
      // Nanoseconds. The goal is 10 µs; a slow machine gets four times that.
      expect(Math.min(...rounds)).toBeLessThan(40_000);
    }));
});
