import fc from 'fast-check';
import { inAQuietMoment } from '../../../test/harness/quiet-moment.js';
import { COMMON_BASES, COMMON_PASSWORDS } from './common-passwords.js';
import { passwordProblems, type PasswordOwner } from './password-policy.js';

const owner: PasswordOwner = {
  email: 'joanna.smith+crm@example.com',
  teamNames: ['Harbour & Hill Realty', 'Büro Straße'],
};
const stranger: PasswordOwner = { email: 'q@example.org', teamNames: ['Zq'] };

const messages = (password: string, of = stranger) =>
  passwordProblems(password, of).map((problem) => problem.message);

const LENGTH = expect.stringContaining('at least 15 characters');
const COMMON = 'is too common';
const NAMED = 'must not be made of your e-mail address or team name';

describe('length', () => {
  it.each([
    ['15 of anything', 'zvqk wbhj lmpdr'],
    ['15 small letters', 'zvqkwbhjlmpdrtx'],
    ['15 of other scripts', 'пшщзхъфвапролдж'],
    ['15 emoji', '🦊🐙🦉🐝🦋🐢🦀🐠🦓🦒🐘🦔🐧🦜🐳'],
    ['128 characters', 'x'.repeat(128)],
    ['128 characters outside the basic plane', '🦊'.repeat(128)],
    ['12 with all four kinds', 'Zvqk7wbhjlm!'],
    ['12 with a space as symbol', 'Zvqk7wbh jlm'],
    ['12 with all four kinds in another script', 'Пшщз7хъфвап!'],
    ['14 with all four kinds', 'Zvqk7wbhjlmpd!'],
    ['controls and NUL', 'zvqk\0wbhj\nlmpdr'],
    ['spaces at both ends', '  zvqk wbhj lm '],
  ])('accepts %s', (_what, password) => {
    expect(messages(password)).toEqual([]);
  });

  it.each([
    ['nothing', ''],
    ['11 with all four kinds', 'Zvqk7wbhjl!'],
    ['12 without upper', 'zvqk7wbhjlm!'],
    ['12 without lower', 'ZVQK7WBHJLM!'],
    ['12 without digit', 'Zvqkzwbhjlm!'],
    ['12 without symbol', 'Zvqk7wbhjlmx'],
    ['14 without symbol', 'Zvqk7wbhjlmxyz'],
    ['14 small letters', 'zvqkwbhjlmpdrt'],
    ['14 emoji, which are 28 code units', '🦊🐙🦉🐝🦋🐢🦀🐠🦓🦒🐘🦔🐧🦜'],
    ['a control character as symbol', 'Zvqk7wbhjlm\n'],
    ['a combining mark as symbol', 'Zvqk7wbhjlm\u0301'],
  ])('refuses %s', (_what, password) => {
    expect(messages(password)).toEqual([LENGTH]);
  });

  it.each(['x'.repeat(129), '🦊'.repeat(129), 'x'.repeat(1_000_000)])(
    'refuses more than 128 characters',
    (password) => {
      expect(messages(password)).toEqual(['must have at most 128 characters']);
    },
  );

  it('refuses half a surrogate pair, which would hash like any other half', () => {
    expect(messages('zvqk wbhj lmpdr\ud800')).toEqual(['must be valid Unicode text']);
    expect(messages('zvqk wbhj lmpdr\udc00x')).toEqual(['must be valid Unicode text']);
  });

  it('names the field and never repeats the password', () => {
    for (const password of ['Passw0rd', 'passwordpassword', 'joanna.smith@example.com', 'x'.repeat(200)]) {
      const problems = passwordProblems(password, owner);
      expect(problems.length).toBeGreaterThan(0);
      for (const problem of problems) {
        expect(Object.keys(problem)).toEqual(['field', 'message']);
        expect(problem.field).toBe('password');
        expect(problem.message).not.toContain(password);
      }
    }
  });

  it('depends on the number of code points alone from 15 to 128', () => {
    const unit = fc.constantFrom(...'zvqkwbhjxZVQ7 !é🦊ж界\t');
    fc.assert(
      fc.property(fc.array(unit, { minLength: 0, maxLength: 140 }), (rest) => {
        // No listed password begins like this, so only the length speaks.
        const units = ['界', ...rest];
        const found = messages(units.join(''));
        if (units.length > 128) expect(found).toEqual(['must have at most 128 characters']);
        else if (units.length >= 15) expect(found).toEqual([]);
        else if (units.length < 12) expect(found).toEqual([LENGTH]);
      }),
    );
  });
});

describe('common passwords', () => {
  const whole = COMMON_PASSWORDS.trim().split(/\s+/);
  const bases = COMMON_BASES.trim().split(/\s+/);

  it('the list is large enough to matter: more than 3,000 that would otherwise pass (ASVS 6.2.4)', () => {
    expect(whole.length + bases.length).toBeGreaterThan(10_000);
    expect(new Set(whole).size).toBe(whole.length);
    expect(whole.filter((text) => text.length >= 15).length).toBeGreaterThanOrEqual(3_000);
    for (const text of whole) expect(text.length >= 12 && text === text.toLowerCase()).toBe(true);
    for (const text of bases) expect(text).toMatch(/^[a-z]{6,}$/);
  });

  it('refuses every entry of 15 characters or more, in any case', () => {
    const missed = whole.filter((text) => text.length >= 15 && messages(text).join() !== COMMON);
    expect(missed).toEqual([]);
    expect(messages('PASSWORDPASSWORD')).toEqual([COMMON]);
    expect(messages('PassWordPassWord')).toEqual([COMMON]);
    expect(messages('ｐａｓｓｗｏｒｄｐａｓｓｗｏｒｄ')).toEqual([COMMON]);
  });

  it.each([
    'passwordpassword',
    'p@ssw0rdp@ssw0rd',
    '123456789012345',
    '1qaz2wsx3edc4rfv',
    'aaaaaaaaaaaaaaa',
    'Zaq1@wsxCde3',
    'Password123!',
    'P@ssw0rd1234',
    'P@$$w0rd123!!',
    '!!Sunshine2024',
    '123Welcome456!',
    '$Unshine2024!',
    'Qwertyuiop1234!',
    'Changeme-2024!',
    'Latchkey2024!!',
    'L4tchk3y-2024!',
    'We1come-12345!',
    'M1chelle-1234!',
    'F00tball-12345',
    'Administrator1!',
  ])('refuses %j', (password) => {
    expect(messages(password)).toEqual([COMMON]);
  });

  it.each([
    'correct horse battery staple',
    'Dragon-48151623!',
    'password is not my word',
    'sunshine over Lisbon',
    'Zebra.Kettle9!',
    'x'.repeat(15),
  ])('leaves %j alone: a listed word in it is not the password', (password) => {
    expect(messages(password)).toEqual([]);
  });
});

describe('the owner’s names', () => {
  it.each([
    'joanna.smith+crm@example.com',
    'JOANNA.SMITH+CRM@EXAMPLE.COM',
    'my joanna.smith+crm@example.com password',
    'joanna.smith+crm',
    'joannasmithcrm1',
    'Joanna.Smith1!',
    'joanna smith 2024!',
    'J0anna.Sm1th!!',
    '2024-joanna-smith',
    'joannasmithjoannasmith',
    'joannasmith hello',
    'ｊｏａｎｎａ．ｓｍｉｔｈ１２３４５',
    'Harbour & Hill Realty',
    'harbourhillrealty',
    'HarbourHillRealty2024!',
    'h4rb0ur h1ll r34lty',
    'BÜRO STRASSE 2024!',
    'bu\u0308ro strasse 12345',
  ])('refuses %j', (password) => {
    expect(messages(password, owner)).toEqual([NAMED]);
  });

  it.each([
    'joanna walks the lighthouse dog',
    'smith and hill and harbour and eleven swans',
    'no realty in this quiet harbour',
    'Zvqk7wbhjlm!',
  ])('leaves %j alone', (password) => {
    expect(messages(password, owner)).toEqual([]);
  });

  it('very short names are not looked for', () => {
    expect(messages('zq zq zq zq zq zq', stranger)).toEqual([]);
    expect(messages('zvqk wbhj lmpdr', { email: 'z@e.fr', teamNames: ['', ' ', '&', 'Q'] })).toEqual([]);
  });

  it('a decorated local part or team name is refused whatever the digits and symbols', () => {
    const decoration = fc.string({
      unit: fc.constantFrom(...'0123456789!-_ .#'),
      minLength: 8,
      maxLength: 12,
    });
    const name = fc.constantFrom('joannasmith', 'Joanna.Smith', 'Harbour Hill Realty', 'büro-strasse');
    fc.assert(
      fc.property(decoration, name, decoration, (before, text, after) => {
        expect(messages(before + text + after, owner)).toContain(NAMED);
      }),
    );
  });

  it('an address without an @ or an empty one breaks nothing', () => {
    for (const email of ['', '@', 'joanna', 'joanna@']) {
      expect(messages('zvqk wbhj lmpdr', { email, teamNames: [] })).toEqual([]);
    }
  });
});

it('never throws and stays quick for any text', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
      passwordProblems(text, owner);
    }),
  );
  await inAQuietMoment(() => {
    const started = process.hrtime.bigint();
    for (const unit of ['1', '!', 'a', 'a1', '🦊', '\ufdfa', '\u0301']) {
      for (let round = 0; round < 20; round += 1)
        passwordProblems(unit.repeat(128 / [...unit].length), owner);
      passwordProblems(unit.repeat(500_000), owner);
    }
    expect(Number(process.hrtime.bigint() - started) / 1e6).toBeLessThan(1_000);
  });
});
