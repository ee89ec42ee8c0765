import fc from 'fast-check';
import { BACKUP_CODE_COUNT, backupCodeHash, newBackupCodes, normalizeBackupCode } from './backup-codes.js';

const pepper = Buffer.alloc(32, 7);
const USER = '01890000-0000-7000-8000-000000000001';
const CODE = '0123456789ABCDEFGHJKMNPQR';

describe('backup codes', () => {
  it('come as ten different ones of five groups of Crockford base32, 125 bits', () => {
    const codes = newBackupCodes();
    expect(codes).toHaveLength(BACKUP_CODE_COUNT);
    expect(BACKUP_CODE_COUNT).toBe(10);
    expect(new Set(codes).size).toBe(10);
    for (const code of codes) expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{5}(-[0-9A-HJKMNP-TV-Z]{5}){4}$/);
  });

  it('never repeat between users and use all 32 characters evenly', () => {
    const codes = Array.from({ length: 400 }, newBackupCodes).flat();
    expect(new Set(codes).size).toBe(4_000);
    const counts = new Map<string, number>();
    for (const char of codes.join('').replaceAll('-', '')) counts.set(char, (counts.get(char) ?? 0) + 1);
    const expected = (4_000 * 25) / 32;
    const chiSquare = [...counts.values()].reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
    expect(counts.size).toBe(32);
    // 31 degrees of freedom: 100 is passed by chance less than once in 10^8 runs.
    expect(chiSquare).toBeLessThan(100);
  });

  it('read back however they are typed', () => {
    const separator = fc.constantFrom('', ' ', '-', '–', '\t', '‑', '\u00a0');
    fc.assert(
      fc.property(
        fc.array(separator, { minLength: 25, maxLength: 25 }),
        fc.boolean(),
        (separators, lower) => {
          const code = newBackupCodes()[0];
          const plain = code.replaceAll('-', '');
          const typed = [...(lower ? plain.toLowerCase() : plain)]
            .map((char, i) => separators[i] + char)
            .join('');
          expect(normalizeBackupCode(code)).toBe(plain);
          expect(normalizeBackupCode(typed)).toBe(plain);
        },
      ),
    );
  });

  it('take O for 0, I and L for 1', () => {
    expect(normalizeBackupCode('oOiIl LABCD 23456 789AB CDEFG')).toBe('001111ABCD23456789ABCDEFG');
  });

  it.each([
    '',
    '123456',
    CODE.slice(1),
    `${CODE}0`,
    `${CODE.slice(1)}U`,
    `${CODE.slice(1)}u`,
    `${CODE.slice(1)}!`,
    `${CODE.slice(1)}É`,
    `${CODE.slice(1)}ı`,
    `${CODE.slice(1)}ſ`,
    `${CODE.slice(1)}\u212a`,
    `${CODE.slice(1)}０`,
    `${CODE.slice(1)}\0`,
    `${CODE}${' '.repeat(26)}`,
  ])('%j is none', (text) => {
    expect(normalizeBackupCode(text)).toBeNull();
  });

  it('never throw for what a client sends', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(normalizeBackupCode(value as string)).toBeNull();
      }),
    );
    expect(normalizeBackupCode([CODE] as unknown as string)).toBeNull();
  });

  it('are stored under a keyed hash that belongs to one user', () => {
    const hash = backupCodeHash(pepper, USER, CODE);
    expect(hash).toHaveLength(32);
    expect(backupCodeHash(pepper, USER, CODE)).toEqual(hash);
    expect(backupCodeHash(Buffer.alloc(32, 8), USER, CODE)).not.toEqual(hash);
    expect(backupCodeHash(pepper, USER.replace(/1$/, '2'), CODE)).not.toEqual(hash);
    expect(backupCodeHash(pepper, USER, CODE.replace(/R$/, 'S'))).not.toEqual(hash);
  });

  it('are not hashed with a short pepper or as typed', () => {
    expect(() => backupCodeHash(Buffer.alloc(31), USER, CODE)).toThrow(RangeError);
    for (const typed of ['', CODE.toLowerCase(), `${CODE.slice(0, 5)}-${CODE.slice(5)}`]) {
      expect(() => backupCodeHash(pepper, USER, typed)).toThrow(RangeError);
    }
  });
});
