import { BlockList, isIPv4, isIPv6, SocketAddress } from 'node:net';
import fc from 'fast-check';
import { inAQuietMoment } from '../../../test/harness/quiet-moment.js';
import {
  addressList,
  cidrContains,
  cidrProblem,
  enclosingNetwork,
  normalizeAddress,
  parseCidr,
  rateLimitSubject,
  type Cidr,
} from './cidr.js';

const cidr = (text: string): Cidr => {
  const parsed = parseCidr(text);
  if (parsed === null) throw new Error(`not a CIDR: ${text}`);
  return parsed;
};

const sharingBits = (base: bigint, width: number) =>
  fc
    .tuple(fc.nat(width), fc.bigInt({ min: 0n, max: (1n << BigInt(width)) - 1n }))
    .map(
      ([bits, noise]) =>
        ((base >> BigInt(width - bits)) << BigInt(width - bits)) |
        (noise & ((1n << BigInt(width - bits)) - 1n)),
    );
const v4 = (n: bigint) => [24n, 16n, 8n, 0n].map((shift) => (n >> shift) & 255n).join('.');
const v6 = (n: bigint) => n.toString(16).padStart(32, '0').match(/.{4}/g)!.join(':');

const NOT_ADDRESSES = [
  '',
  ' ',
  '10.1',
  '10.0.1',
  '10.0.0.0.1',
  '010.0.0.1',
  '10.0.0.01',
  '10.0.0.00',
  '0x0a.0.0.1',
  '167772161',
  '256.0.0.1',
  '10.0.0.1000',
  '10.0.0.-1',
  '+10.0.0.1',
  '1e1.0.0.1',
  '10.0.0.1 ',
  ' 10.0.0.1',
  '10.0.0.1\n',
  '10.0.0.1\0',
  '10.0.0.',
  '.10.0.0.1',
  '10..0.1',
  '１０.0.0.1',
  '10。0.0.1',
  '10.0.0.1:80',
  'localhost',
  '[::1]',
  '::1%lo',
  'fe80::1%eth0',
  ':',
  ':::',
  '1:::2',
  '::1::',
  '1::2::3',
  ':1:2:3:4:5:6:7:8',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4::5:6:7:8',
  '12345::',
  'g::',
  '::ffff:010.0.0.1',
  '::ffff:10.0.0',
  '::ffff:10.0.0.256',
  '10.0.0.1::',
  '::10.0.0.1:1',
  '1:2:3:4:5:6:7:10.0.0.1',
  'fe80::1/64',
];

describe('addresses', () => {
  it.each(NOT_ADDRESSES)('%j is no address', (text) => {
    expect(normalizeAddress(text)).toBeNull();
  });

  it.each([
    ['10.0.0.5', '10.0.0.5'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['::ffff:10.0.0.5', '10.0.0.5'],
    ['::FFFF:10.0.0.5', '10.0.0.5'],
    ['::ffff:a00:5', '10.0.0.5'],
    ['0:0:0:0:0:ffff:0a00:0005', '10.0.0.5'],
    // Not mapped: NAT64, the deprecated compatible form, one group off, 6to4.
    ['64:ff9b::a00:5', '64:ff9b::a00:5'],
    ['64:ff9b::10.0.0.5', '64:ff9b::a00:5'],
    ['::10.0.0.5', '::a00:5'],
    ['::ffff:0:a00:5', '::ffff:0:a00:5'],
    ['2002:a00:5::', '2002:a00:5::'],
    // RFC 5952 section 4: case, leading zeros, one zero group, the longest run, the first of equal runs.
    ['2001:DB8::ABCD', '2001:db8::abcd'],
    ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:db8::1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['0:0:1::', '0:0:1::'],
  ])('%s is written %s', (text, expected) => {
    expect(normalizeAddress(text)).toBe(expected);
  });

  it('accepts exactly what the operating system’s parser accepts, zone ids aside', () => {
    const soup = fc.string({
      unit: fc.constantFrom(...'0123456789abcdefF:.:.::%/ g'),
      maxLength: 48,
    });
    const near = fc
      .oneof(fc.ipV4(), fc.ipV6())
      .chain((address) =>
        fc
          .tuple(fc.nat(address.length), fc.constantFrom('', '0', '1', 'f', ':', '::', '.', '.1'))
          .map(([at, extra]) => address.slice(0, at) + extra + address.slice(at + (extra === '' ? 1 : 0))),
      );
    fc.assert(
      fc.property(fc.oneof(soup, near, fc.ipV4(), fc.ipV6()), (text) => {
        fc.pre(!text.includes('%'));
        expect(normalizeAddress(text) !== null).toBe(isIPv4(text) || isIPv6(text));
      }),
      { numRuns: 10_000 },
    );
  });

  it('writes IPv6 as the operating system does, and stays put when read again', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const ours = normalizeAddress(text)!;
        expect(normalizeAddress(ours)).toBe(ours);
        // inet_ntop keeps dotted decimal in ::/96 and ::ffff:0:0/96; our mapped form is IPv4.
        const theirs = new SocketAddress({ address: text, family: 'ipv6' }).address;
        if (!theirs.includes('.')) expect(ours).toBe(theirs);
      }),
      { numRuns: 3_000 },
    );
  });

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        normalizeAddress(value as string);
        parseCidr(value as string);
        rateLimitSubject(value as string);
      }),
    );
  });

  it('refuses a megabyte at once', () =>
    inAQuietMoment(() => {
      const started = process.hrtime.bigint();
      for (const unit of ['1', ':', '.', '1.', '1:', '::', '/']) {
        expect(normalizeAddress(unit.repeat(1_000_000))).toBeNull();
        expect(parseCidr(unit.repeat(1_000_000))).toBeNull();
      }
      expect(Number(process.hrtime.bigint() - started) / 1e6).toBeLessThan(200);
    }));
});

describe('CIDR ranges', () => {
  it.each([
    ['203.0.113.0/24', '203.0.113.0/24', 4],
    ['203.0.113.7', '203.0.113.7/32', 4],
    ['0.0.0.0/0', '0.0.0.0/0', 4],
    ['2001:DB8::/32', '2001:db8::/32', 6],
    ['2001:db8::1', '2001:db8::1/128', 6],
    ['::/0', '::/0', 6],
    ['::ffff:10.0.0.0/104', '10.0.0.0/8', 4],
    ['::ffff:10.0.0.5', '10.0.0.5/32', 4],
    ['::ffff:0:0/96', '0.0.0.0/0', 4],
    ['64:ff9b::/96', '64:ff9b::/96', 6],
  ])('%s is %s', (text, canonical, family) => {
    expect(cidrProblem(text)).toBeNull();
    expect(parseCidr(text)).toMatchObject({ text: canonical, family });
    expect(cidr(canonical)).toEqual(cidr(text));
  });

  it.each([
    ...NOT_ADDRESSES.filter((text) => !text.includes('/')),
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/-1',
    '10.0.0.0/',
    '/8',
    '10.0.0.0/08',
    '10.0.0.0/8/8',
    '10.0.0.0/255.0.0.0',
    '10.0.0.0/8 ',
    '10.0.0.0/ 8',
    '10.0.0.0/1e0',
    '10/8',
    '[2001:db8::]/32',
    'fe80::%eth0/64',
  ])('%j is no range', (text) => {
    expect(parseCidr(text)).toBeNull();
    expect(cidrProblem(text)).toEqual(expect.any(String));
  });

  it('refuses bits beyond the prefix and says which range was meant', () => {
    expect(parseCidr('203.0.113.7/24')).toBeNull();
    expect(cidrProblem('203.0.113.7/24')).toContain('203.0.113.0/24');
    expect(cidrProblem('2001:db8::1/64')).toContain('2001:db8::/64');
    expect(cidrProblem('255.255.255.255/0')).toContain('0.0.0.0/0');
    expect(cidrProblem('::ffff:0:0/95')).toContain('::fffe:0:0/95');
  });

  it('matches at every edge', () => {
    const range = cidr('203.0.113.64/26');
    for (const inside of ['203.0.113.64', '203.0.113.127', '::ffff:203.0.113.100']) {
      expect(cidrContains(range, inside)).toBe(true);
    }
    for (const outside of [
      '203.0.113.63',
      '203.0.113.128',
      '204.0.113.64',
      '::203.0.113.64',
      '203.0.113.064',
      'x',
    ]) {
      expect(cidrContains(range, outside)).toBe(false);
    }
    expect(cidrContains(cidr('2001:db8::/33'), '2001:db8:7fff:ffff::')).toBe(true);
    expect(cidrContains(cidr('2001:db8::/33'), '2001:db8:8000::')).toBe(false);
  });

  it('a rule for one family never lets the other in, except the mapped spelling of IPv4', () => {
    expect(cidrContains(cidr('::/0'), '10.0.0.5')).toBe(false);
    expect(cidrContains(cidr('::/0'), '::ffff:10.0.0.5')).toBe(false);
    expect(cidrContains(cidr('0.0.0.0/0'), '::1')).toBe(false);
    expect(cidrContains(cidr('10.0.0.0/8'), '64:ff9b::a00:5')).toBe(false);
    expect(cidrContains(cidr('::ffff:10.0.0.0/104'), '10.0.0.5')).toBe(true);
  });

  it('agrees with net.BlockList on random ranges and addresses', () => {
    for (const [family, width, write] of [
      ['ipv4', 32, v4],
      ['ipv6', 128, v6],
    ] as const) {
      const cases = fc
        .bigInt({ min: 0n, max: (1n << BigInt(width)) - 1n })
        .chain((base) => fc.tuple(fc.constant(base), fc.nat(width), sharingBits(base, width)));
      fc.assert(
        fc.property(cases, ([base, prefix, other]) => {
          // BlockList lets ::/0 contain ::ffff:10.0.0.5; for us that is an IPv4 address, in no IPv6 range.
          fc.pre(width === 32 || prefix >= 96 || other >> 32n !== 0xffffn);
          const start = (base >> BigInt(width - prefix)) << BigInt(width - prefix);
          const oracle = new BlockList();
          oracle.addSubnet(write(start), prefix, family);
          expect(cidrContains(cidr(`${write(start)}/${prefix}`), write(other))).toBe(
            oracle.check(write(other), family),
          );
          if (start !== base) expect(parseCidr(`${write(base)}/${prefix}`)).toBeNull();
        }),
        { numRuns: 2_000 },
      );
    }
  });
});

describe('address lists', () => {
  it('has an address when any range does', () => {
    const list = addressList(['10.0.0.0/8', '192.0.2.1', '2001:db8::/32'].map(cidr));
    expect(list.size).toBe(3);
    for (const address of ['10.255.0.1', '192.0.2.1', '::ffff:192.0.2.1', '2001:db8:ffff::1']) {
      expect(list.has(address)).toBe(true);
    }
    for (const address of ['11.0.0.1', '192.0.2.2', '2001:db9::', '', 'unknown', '10.1']) {
      expect(list.has(address)).toBe(false);
    }
  });

  it('an empty list has nothing', () => {
    expect(addressList([]).has('10.0.0.1')).toBe(false);
    expect(addressList([]).size).toBe(0);
  });

  it('does not change when the caller’s array does', () => {
    const ranges = [cidr('10.0.0.0/8')];
    const list = addressList(ranges);
    ranges.length = 0;
    expect(list.has('10.0.0.1')).toBe(true);
  });
});

describe('rate limit subject', () => {
  it('is the address for IPv4, in any spelling, and the /64 for IPv6', () => {
    expect(rateLimitSubject('203.0.113.7')).toBe('203.0.113.7');
    expect(rateLimitSubject('::ffff:203.0.113.7')).toBe('203.0.113.7');
    expect(rateLimitSubject('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64');
    expect(rateLimitSubject('2001:DB8:1:2:ffff::')).toBe('2001:db8:1:2::/64');
    expect(rateLimitSubject('2001:db8:1:3::1')).toBe('2001:db8:1:3::/64');
    expect(rateLimitSubject('::1')).toBe('::/64');
  });

  it('rubbish shares one subject, so it opens no endless supply', () => {
    expect(rateLimitSubject('a')).toBe(rateLimitSubject('b'));
    expect(rateLimitSubject('10.1')).toBe(rateLimitSubject(''));
  });
});

describe('enclosing network', () => {
  const lengths = { ipv4: 24, ipv6: 48 };

  it('is the range of that many bits, for a mapped address that of IPv4', () => {
    expect(enclosingNetwork('203.0.113.77', lengths)).toBe('203.0.113.0/24');
    expect(enclosingNetwork('::ffff:203.0.113.77', lengths)).toBe('203.0.113.0/24');
    expect(enclosingNetwork('2001:db8:1:2:3::4', lengths)).toBe('2001:db8:1::/48');
    expect(enclosingNetwork('unknown', lengths)).toBeNull();
  });

  it('is a range that contains the address', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(32), fc.nat(128), (address, ipv4, ipv6) => {
        const network = enclosingNetwork(address, { ipv4, ipv6 })!;
        expect(cidrProblem(network)).toBeNull();
        expect(cidrContains(cidr(network), address)).toBe(true);
      }),
    );
  });
});
