import fc from 'fast-check';
import { inAQuietMoment } from '../../../test/harness/quiet-moment.js';
import { EMAIL_MAX_BYTES, emailKey, isEmailAddress } from './email-address.js';

describe('what may be registered', () => {
  it.each([
    'jo@example.com',
    'Jo.Smith+crm@Mail.Example.co.uk',
    "o'brien_99@example-host.io",
    'a@b.cd',
    '1@2.example',
    'jürgen@müller.de',
    'юрий@пример.рф',
    '山田@例え.jp',
    'yamada山田@example.jp',
    'user@xn--bcher-kva.example',
    `${'a'.repeat(64)}@example.com`,
  ])('%s', (text) => {
    expect(isEmailAddress(text)).toBe(true);
  });

  it.each([
    '',
    '@',
    'jo',
    'jo@',
    '@example.com',
    'jo@localhost',
    'jo@@example.com',
    'jo@evil.com@example.com',
    '.jo@example.com',
    'jo.@example.com',
    'j..o@example.com',
    '"jo smith"@example.com',
    'jo smith@example.com',
    ' jo@example.com',
    'jo@example.com ',
    'Jo <jo@example.com>',
    'jo@example.com,eve@example.com',
    'jo@[127.0.0.1]',
    'jo@127.0.0.1',
    'jo@1.2.3',
    'jo@-example.com',
    'jo@example-.com',
    'jo@exam_ple.com',
    'jo@example..com',
    'jo@.example.com',
    'jo@example.com.',
    'jo@exa%6dple.com',
    'jo@example.com/x',
    'jo@example.com:25',
    `jo@${'a'.repeat(64)}.com`,
    `${'a'.repeat(65)}@example.com`,
    `${'ü'.repeat(33)}@example.com`,
    `jo@${'a.'.repeat(126)}com`,
    // 209 characters, but 409 octets; and 185 octets, but more than 253 as a host name.
    `j@${`${'ü'.repeat(50)}.`.repeat(4)}com`,
    `j@${'ü.'.repeat(60)}com`,
  ])('not %j', (text) => {
    expect(isEmailAddress(text)).toBe(false);
  });

  it('no line breaks, controls or NULs, which would reach mail headers and logs', () => {
    for (const code of [...Array(0x20).keys(), 0x7f, 0x80, 0x85, 0x9f, 0x2028, 0x2029]) {
      const char = String.fromCharCode(code);
      for (const text of [`j${char}o@example.com`, `jo@exa${char}mple.com`, `jo@example.com${char}`]) {
        expect(isEmailAddress(text)).toBe(false);
      }
    }
  });

  it('no invisible characters: zero-width, bidi, soft hyphen, fillers, selectors, tags, byte order mark', () => {
    const invisible =
      '\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u061c\u200e\u200f\u202a\u202e\u2066\u2069\u115f\u3164\uffa0\ufe0f\u180e\u{e0061}';
    for (const char of invisible) {
      expect(isEmailAddress(`ad${char}min@example.com`)).toBe(false);
      expect(isEmailAddress(`admin@exa${char}mple.com`)).toBe(false);
    }
  });

  it.each([
    ['full-width letters', 'ａｄｍｉｎ@example.com'],
    ['a full-width @', 'admin＠example.com'],
    ['a small @', 'admin﹫example.com'],
    ['a mathematical letter', '𝐚dmin@example.com'],
    ['a ligature', 'oﬃce@example.com'],
    ['a long s', 'ſmith@example.com'],
    ['the Kelvin sign', '\u212aim@example.com'],
    ['a letter and its umlaut apart', 'ju\u0308rgen@example.com'],
    ['a superscript', 'a²@example.com'],
    ['an ideographic full stop', 'admin@example。com'],
    ['℀ which becomes a/c', 'a℀@example.com'],
    ['a Cyrillic а among Latin', 'аdmin@example.com'],
    ['a Greek ο among Latin', 'jοhn@example.com'],
    ['a Cyrillic а in the domain', 'admin@exаmple.com'],
    ['the same in Punycode', 'admin@xn--exmple-4nf.com'],
    ['a Cherokee letter', 'Ꭺdmin@example.com'],
    ['an emoji', '😀@example.com'],
    ['a lone surrogate', 'a\ud800@example.com'],
  ])('not with %s', (_what, text) => {
    expect(isEmailAddress(text)).toBe(false);
  });

  it('never throws, and says no to what is not a string', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(typeof isEmailAddress(value as string)).toBe('boolean');
      }),
    );
    expect(isEmailAddress(['jo@example.com'] as unknown as string)).toBe(false);
  });

  it('what is accepted fits a header line and has exactly one @', () => {
    const odd = fc.constantFrom(
      '',
      '',
      '.',
      '-',
      '_',
      '+',
      'A',
      'ü',
      'ж',
      'σ',
      '@',
      ' ',
      '\n',
      '\0',
      '"',
      '<',
      ',',
      ';',
      '％',
      '。',
    );
    const word = fc.array(fc.oneof(odd, fc.constantFrom('a', 'B', '1')), { minLength: 1, maxLength: 8 });
    let accepted = 0;
    fc.assert(
      fc.property(word, word, (local, domain) => {
        const text = `${local.join('')}@${domain.join('')}.com`;
        if (!isEmailAddress(text)) return;
        accepted += 1;
        expect(text).toMatch(/^[^\s@"<>,;:\p{C}]+@[^\s@"<>,;:\p{C}]+$/u);
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(EMAIL_MAX_BYTES);
      }),
      { numRuns: 5_000 },
    );
    expect(accepted).toBeGreaterThan(50);
  });

  it('takes the short way of plain ASCII to the same end', () => {
    const part = fc.stringMatching(/^(?:[a-zA-Z0-9]|-|xn--|0x|1){1,6}$/);
    const local = fc.stringMatching(/^[a-z](?:[a-zA-Z0-9.+_'/]|-){0,8}$/);
    const domain = fc.array(part, { minLength: 1, maxLength: 5 });
    const taken = { yes: 0, no: 0 };
    fc.assert(
      fc.property(local, domain, (name, labels) => {
        const rest = `${name}@${labels.join('.')}`;
        // The accented letter takes the long way.
        const answer = isEmailAddress(rest);
        expect([rest, answer]).toEqual([rest, isEmailAddress(`é${rest}`)]);
        taken[answer ? 'yes' : 'no'] += 1;
      }),
      { numRuns: 20_000 },
    );
    expect(Math.min(taken.yes, taken.no)).toBeGreaterThan(500);
  });

  it('bounds the parts of a plain address as those of any other', () => {
    expect(isEmailAddress(`${'a'.repeat(64)}@example.com`)).toBe(true);
    expect(isEmailAddress(`${'a'.repeat(65)}@example.com`)).toBe(false);
    expect(isEmailAddress(`a@${'a'.repeat(63)}.com`)).toBe(true);
    expect(isEmailAddress(`a@${'a'.repeat(64)}.com`)).toBe(false);
    const long = `${'a.'.repeat(124)}com`;
    expect(isEmailAddress(`a@${long}`)).toBe(true);
    expect(isEmailAddress(`aaaaa@${long}`)).toBe(false);
  });

  it('refuses a megabyte at once', () =>
    inAQuietMoment(() => {
      const started = process.hrtime.bigint();
      for (const unit of ['a', 'a.', '@', 'ü', 'a-']) isEmailAddress(`${unit.repeat(500_000)}@example.com`);
      for (const unit of ['a', 'a.', 'a-', '-']) isEmailAddress(`a@${unit.repeat(120)}!`);
      expect(Number(process.hrtime.bigint() - started) / 1e6).toBeLessThan(100);
    }));
});

describe('the key of an address', () => {
  it.each([
    ['ADMIN@EXAMPLE.COM', 'admin@example.com'],
    ['ａｄｍｉｎ@example.com', 'admin@example.com'],
    ['admin＠example.com', 'admin@example.com'],
    ['ſmith@example.com', 'smith@example.com'],
    ['\u212aim@example.com', 'kim@example.com'],
    ['oﬃce@example.com', 'office@example.com'],
    ['straße@example.com', 'STRASSE@example.com'],
    ['straẞe@example.com', 'strasse@example.com'],
    ['mıke@example.com', 'MIKE@example.com'],
    ['MİKE@example.com', 'mike@example.com'],
    ['ΟΔΟΣ@example.gr', 'οδος@example.gr'],
    ['οδοσ@example.gr', 'οδος@example.gr'],
    ['ju\u0308rgen@example.com', 'JÜRGEN@example.com'],
    ['jo@BÜCHER.example', 'jo@xn--bcher-kva.example'],
    ['jo@bu\u0308cher.example', 'jo@XN--BCHER-KVA.example'],
    ['jo@example。com', 'jo@example.com'],
  ])('%s is the same account as %s', (one, other) => {
    expect(emailKey(one)).toBe(emailKey(other));
  });

  it.each([
    ['jo@example.com', 'jo@example.org'],
    ['jo@example.com', 'j.o@example.com'],
    ['jo@example.com', 'jo+crm@example.com'],
    ['jose@example.com', 'josé@example.com'],
    ['jo@strasse.de', 'jo@straße.de'],
    ['jo@example.com', 'jo'],
  ])('%s is not %s', (one, other) => {
    expect(emailKey(one)).not.toBe(emailKey(other));
  });

  it('is plain lower case for plain addresses', () => {
    expect(emailKey('Jo.Smith+CRM@Example.COM')).toBe('jo.smith+crm@example.com');
  });

  it('is stable and blind to case and composition for every character there is', () => {
    const wrong: string[] = [];
    for (let code = 1; code <= 0x10ffff; code += 1) {
      if (code >= 0xd800 && code <= 0xdfff) continue;
      const char = String.fromCodePoint(code);
      if (char === '@' || char === '＠' || char === '﹫') continue;
      const spellings = [
        char.toUpperCase(),
        char.toLowerCase(),
        char.normalize('NFD'),
        char.normalize('NFKC'),
      ];
      // Most characters have a single spelling: nothing to compare.
      if (spellings.every((spelling) => spelling === char)) continue;
      const key = emailKey(`a${char}b@example.com`);
      const same = spellings.every((spelling) => emailKey(`a${spelling}b@example.com`) === key);
      if (!same || emailKey(key) !== key) wrong.push(code.toString(16));
    }
    expect(wrong).toEqual([]);
  });

  it('exists for every text, so every attempt can be counted', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 254 }), (text) => {
        const key = emailKey(text);
        expect(emailKey(key)).toBe(key);
      }),
      { numRuns: 5_000 },
    );
  });
});
