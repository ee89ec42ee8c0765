import { parsePhoneNumberFromString } from 'libphonenumber-js/min';
import { normalizePhone } from './phone-number.js';

describe('normalizePhone', () => {
  it.each([
    ['(555) 123-4567', 'US', '+15551234567'],
    ['+1 555 123 4567', 'DE', '+15551234567'],
    ['030 901820', 'DE', '+4930901820'],
    ['+15551234567', 'DE', '+15551234567'],
  ])('stores %s, written in %s, as %s', (text, region, stored) => {
    expect(normalizePhone(text, region, 'phone')).toBe(stored);
  });

  it.each(['12', 'call me', '+1 555 123 4567 ext. 9', '+1555123456', '+155512345678'])(
    'refuses %s',
    (text) => {
      expect(() => normalizePhone(text, 'US', 'phone')).toThrow();
    },
  );

  it('takes plain E.164 as the library would', () => {
    for (let area = 200; area < 1000; area++) {
      const number = `+1${area}${String((area * 7919) % 10_000_000).padStart(7, '0')}`;
      const parsed = parsePhoneNumberFromString(number, 'DE');
      expect([number, parsed?.number, parsed?.isPossible(), parsed?.ext]).toEqual([
        number,
        number,
        true,
        undefined,
      ]);
    }
  });
});
