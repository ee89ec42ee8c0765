import fc from 'fast-check';
import { SCOPES } from '../scopes/scope-catalogue.js';
import {
  assertGrantable,
  canonicalRanges,
  DAY_MS,
  expiryOf,
  HOUR_MS,
  MAX_LIFE_DAYS,
  overlapEnd,
  renewedExpiry,
  statusOf,
} from './api-key-rules.js';

const NOW = Date.parse('2026-06-01T12:00:00.000Z');
const iso = (ms: number) => new Date(ms).toISOString();
const key = (endsInMs: number, more: object = {}) => ({
  expiresAt: iso(NOW + endsInMs),
  revokedAt: null,
  replacedBy: null,
  ...more,
});

describe('the rules of API keys', () => {
  it('a status says what refuses the key before what its owner has to do', () => {
    expect(statusOf(key(8 * DAY_MS), NOW)).toBe('active');
    expect(statusOf(key(7 * DAY_MS), NOW)).toBe('expiring');
    expect(statusOf(key(1), NOW)).toBe('expiring');
    expect(statusOf(key(0), NOW)).toBe('expired');
    expect(statusOf(key(DAY_MS, { replacedBy: 'other' }), NOW)).toBe('rotating');
    expect(statusOf(key(0, { replacedBy: 'other' }), NOW)).toBe('expired');
    expect(statusOf(key(0, { revokedAt: iso(NOW), replacedBy: 'other' }), NOW)).toBe('revoked');
  });

  it('90 days unless told otherwise; 365 days to the millisecond, not one more', () => {
    expect(expiryOf({}, NOW)).toBe(iso(NOW + 90 * DAY_MS));
    expect(expiryOf({ expiresInDays: 365 }, NOW)).toBe(iso(NOW + 365 * DAY_MS));
    expect(expiryOf({ expiresAt: iso(NOW + 365 * DAY_MS) }, NOW)).toBe(iso(NOW + 365 * DAY_MS));
    for (const expiresAt of [iso(NOW + 365 * DAY_MS + 1), iso(NOW), iso(NOW - 1), 'never']) {
      expect(() => expiryOf({ expiresAt }, NOW)).toThrow('invalid fields');
    }
    expect(() => expiryOf({ expiresAt: iso(NOW + DAY_MS), expiresInDays: 1 }, NOW)).toThrow('invalid fields');
  });

  it('whatever is rotated when: the old key never gains a moment, the new one never more than 365 days', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 365 * DAY_MS }),
        fc.integer({ min: 0, max: 400 * DAY_MS }),
        fc.integer({ min: 0, max: 168 }),
        (lifeMs, ageMs, overlapHours) => {
          const createdAt = iso(NOW - ageMs);
          const expiresAt = iso(NOW - ageMs + lifeMs);
          const oldEnd = Date.parse(overlapEnd(expiresAt, overlapHours, NOW));
          expect(oldEnd).toBeLessThanOrEqual(Date.parse(expiresAt));
          expect(oldEnd).toBeLessThanOrEqual(NOW + overlapHours * HOUR_MS);
          const newEnd = Date.parse(renewedExpiry({ createdAt, expiresAt }, NOW));
          expect(newEnd).toBe(NOW + lifeMs);
          expect(newEnd).toBeLessThanOrEqual(NOW + MAX_LIFE_DAYS * DAY_MS);
        },
      ),
    );
  });

  it('scopes pass exactly when each is of the catalogue, open to keys, and held by the giver', () => {
    const names = [...SCOPES.map((each) => each.scope as string), 'unknown:read', '__proto__', 'clients:*'];
    fc.assert(
      fc.property(fc.subarray(names), fc.subarray(names), (wanted, held) => {
        const fine = wanted.every(
          (name) => held.includes(name) && SCOPES.some((each) => each.scope === name && each.grantableToKeys),
        );
        const attempt = () => assertGrantable(wanted, new Set(held));
        if (fine) expect(attempt).not.toThrow();
        else expect(attempt).toThrow();
      }),
    );
  });

  it('ranges come out in one spelling, each once, and stay so when read again', () => {
    expect(canonicalRanges(['::ffff:10.0.0.0/104', '10.0.0.0/8', '203.0.113.7'])).toEqual([
      '10.0.0.0/8',
      '203.0.113.7/32',
    ]);
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.ipV4(), fc.ipV6())), (addresses) => {
        const once = canonicalRanges(addresses);
        expect(canonicalRanges(once)).toEqual(once);
        expect(new Set(once).size).toBe(once.length);
      }),
    );
    expect(() => canonicalRanges(['10.0.0.0/8', '010.0.0.1'])).toThrow('invalid fields');
  });
});
