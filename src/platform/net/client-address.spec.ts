import fc from 'fast-check';
import { inAQuietMoment } from '../../../test/harness/quiet-moment.js';
import { type AddressList, addressList, parseCidr } from './cidr.js';
import { clientAddress } from './client-address.js';

const listOf = (...ranges: string[]): AddressList => addressList(ranges.map((text) => parseCidr(text)!));

const trusted = listOf('10.0.0.0/8', '2001:db8:ffff::/48');
const nobody = listOf();

describe('client address', () => {
  it('is the socket’s when the peer is not trusted, whatever the header says', () => {
    expect(clientAddress('203.0.113.7', '192.0.2.1', trusted)).toBe('203.0.113.7');
    expect(clientAddress('203.0.113.7', '10.0.0.1, 10.0.0.2', trusted)).toBe('203.0.113.7');
    expect(clientAddress('10.0.0.1', '192.0.2.1', nobody)).toBe('10.0.0.1');
    fc.assert(
      fc.property(fc.ipV4(), fc.oneof(fc.string(), fc.array(fc.ipV4())), (peer, header) => {
        fc.pre(!trusted.has(peer));
        expect(clientAddress(peer, header, trusted)).toBe(peer);
      }),
    );
  });

  it('is the socket’s when a trusted peer sends no header', () => {
    expect(clientAddress('10.0.0.1', undefined, trusted)).toBe('10.0.0.1');
    expect(clientAddress('10.0.0.1', '', trusted)).toBe('10.0.0.1');
    expect(clientAddress('10.0.0.1', [], trusted)).toBe('10.0.0.1');
  });

  it('is the right-most address that no trusted proxy vouches for', () => {
    expect(clientAddress('10.0.0.1', '203.0.113.7', trusted)).toBe('203.0.113.7');
    expect(clientAddress('10.0.0.1', '192.0.2.66, 203.0.113.7', trusted)).toBe('203.0.113.7');
    expect(clientAddress('10.0.0.1', '192.0.2.66, 203.0.113.7, 10.0.0.9', trusted)).toBe('203.0.113.7');
    expect(clientAddress('10.0.0.1', '192.0.2.66,203.0.113.7 ,\t10.0.0.9, 10.0.0.8', trusted)).toBe(
      '203.0.113.7',
    );
  });

  it('a forged trusted address to the left changes nothing', () => {
    expect(clientAddress('10.0.0.1', '10.0.0.5, 203.0.113.7', trusted)).toBe('203.0.113.7');
    expect(clientAddress('10.0.0.1', '127.0.0.1, 10.0.0.5, 203.0.113.7, 10.0.0.9', trusted)).toBe(
      '203.0.113.7',
    );
  });

  it('is the left-most proxy when every hop is trusted', () => {
    expect(clientAddress('10.0.0.1', '10.0.0.3, 10.0.0.2', trusted)).toBe('10.0.0.3');
  });

  it.each([
    'unknown',
    '_hidden',
    '',
    '203.0.113.7:4711',
    '[2001:db8::1]',
    'fe80::1%eth0',
    '010.0.0.5',
    '10.5',
    '"203.0.113.7"',
    '203.0.113.7\u00a0',
    'for=203.0.113.7',
    '::ffff:10.0.0.05',
  ])('stops at %j and keeps the last good address', (rubbish) => {
    expect(clientAddress('10.0.0.1', `192.0.2.66, ${rubbish}`, trusted)).toBe('10.0.0.1');
    expect(clientAddress('10.0.0.1', `192.0.2.66, ${rubbish}, 10.0.0.9`, trusted)).toBe('10.0.0.9');
    expect(clientAddress('10.0.0.1', `${rubbish}, 203.0.113.7`, trusted)).toBe('203.0.113.7');
  });

  it('reads repeated headers as one list in their order', () => {
    expect(clientAddress('10.0.0.1', ['192.0.2.66', '203.0.113.7, 10.0.0.9'], trusted)).toBe('203.0.113.7');
    expect(clientAddress('10.0.0.1', ['203.0.113.7', '10.0.0.9'], trusted)).toBe('203.0.113.7');
    expect(clientAddress('10.0.0.1', ['203.0.113.7', ''], trusted)).toBe('10.0.0.1');
  });

  it('gives every address its one spelling', () => {
    expect(clientAddress('::ffff:203.0.113.7', undefined, trusted)).toBe('203.0.113.7');
    expect(clientAddress('::ffff:10.0.0.1', '::ffff:cb00:7107', trusted)).toBe('203.0.113.7');
    expect(clientAddress('2001:DB8:FFFF::1', '2001:DB8:0:0::5', trusted)).toBe('2001:db8::5');
    expect(clientAddress('fe80::1%eth0', undefined, trusted)).toBe('fe80::1');
  });

  it('a translated address is not the IPv4 address in it, so it earns no trust', () => {
    expect(clientAddress('64:ff9b::a00:1', '192.0.2.66', trusted)).toBe('64:ff9b::a00:1');
  });

  it('an unreadable socket address is never trusted', () => {
    expect(clientAddress('', '203.0.113.7', trusted)).toBe('');
    expect(clientAddress('/run/app.sock', '203.0.113.7', listOf('0.0.0.0/0', '::/0'))).toBe('/run/app.sock');
  });

  it('what a client writes never matters once its own proxy has added it', () => {
    const proxies = fc.array(fc.constantFrom('10.0.0.2', '10.9.9.9', '2001:db8:ffff::3'), { maxLength: 4 });
    fc.assert(
      fc.property(fc.string(), proxies, (forged, hops) => {
        const header = [forged, '203.0.113.7', ...hops].join(', ');
        expect(clientAddress('10.0.0.1', header, trusted)).toBe('203.0.113.7');
      }),
    );
  });

  it('a header of many trusted hops takes linear time', () =>
    inAQuietMoment(() => {
      const header = Array.from({ length: 100_000 }, () => '10.0.0.2').join(',');
      const started = process.hrtime.bigint();
      expect(clientAddress('10.0.0.1', header, trusted)).toBe('10.0.0.2');
      expect(Number(process.hrtime.bigint() - started) / 1e6).toBeLessThan(1_000);
    }));
});
