import type { Config } from '../config/config.js';
import type { NameResolver } from './name-resolver.js';
import { OutboundGuard, OutboundRefusedError, pinnedLookup } from './outbound-url.js';

/** What the name server says of `HOST.nip.example.com`: the address in its name. */
const names = {
  addressesOf: (host: string): Promise<string[]> => {
    if (host === 'both.example.com') return Promise.resolve(['192.0.43.8', '10.0.0.1']);
    if (host === 'nowhere.example.com') return Promise.resolve([]);
    return Promise.resolve([host.replace('.nip.example.com', '').replaceAll('_', ':')]);
  },
} as NameResolver;

function guardWith(fields: Partial<Config> = {}): OutboundGuard {
  const config = {
    outboundAllowedRanges: [],
    auditForwardAllowedRanges: [],
    outboundAllowHttp: false,
    ...fields,
  };
  return new OutboundGuard(config as unknown as Config, names);
}

async function reach(guard: OutboundGuard, text: string, who: 'forTeams' | 'forOperator' = 'forTeams') {
  const url = guard.read(text, guard[who]);
  return (await guard.resolve(url.hostname, guard[who])).map(({ address }) => address);
}

/** Addresses that nothing outside should be led to, one for each reason. */
const INNER = [
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '100.127.255.255',
  '100.100.100.200',
  '127.0.0.1',
  '127.255.255.254',
  '168.63.129.16',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.1',
  '192.0.2.1',
  '192.88.99.1',
  '192.168.0.1',
  '198.18.0.1',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::ffff:127.0.0.1',
  '::ffff:a9fe:a9fe',
  '::127.0.0.1',
  '64:ff9b::7f00:1',
  '64:ff9b:1::1',
  '100::1',
  '2001::1',
  '2001:db8::1',
  '2002:7f00:1::',
  '3fff::1',
  '5f00::1',
  'fc00::1',
  'fd00:ec2::254',
  'fdff:ffff::1',
  'fe80::1',
  'fec0::1',
  'ff02::1',
];

describe('the guard of outgoing URLs', () => {
  it.each(INNER)('refuses %s, written as it is and behind a name', async (address) => {
    const guard = guardWith();
    const literal = address.includes(':') ? `[${address}]` : address;
    await expect(reach(guard, `https://${literal}/`)).rejects.toThrow(OutboundRefusedError);
    const name = `${address.replaceAll(':', '_')}.nip.example.com`;
    await expect(guard.resolve(name, guard.forTeams)).rejects.toThrow(OutboundRefusedError);
  });

  it.each([
    'https://2130706433/',
    'https://017700000001/',
    'https://0x7f000001/',
    'https://0x7f.1/',
    'https://0177.0.0.1/',
    'https://127.1/',
    'https://127.0.0.1./',
    'https://１２７.0.0.1/',
    'https://%31%32%37.0.0.1/',
    'https://[::ffff:7f00:1]:8443/',
    'https://[0:0:0:0:0:ffff:127.0.0.1]/',
    'HTTPS://127.0.0.1/',
    'https:127.0.0.1',
    'https:///127.0.0.1/',
  ])('refuses %s: another spelling of this machine', async (url) => {
    await expect(reach(guardWith(), url)).rejects.toThrow(OutboundRefusedError);
  });

  it.each([
    ['http://example.com/', /https/],
    ['ftp://example.com/', /https/],
    ['file:///etc/passwd', /https/],
    ['javascript:alert(1)', /https/],
    ['gopher://127.0.0.1:25/', /https/],
    ['https://user@example.com/', /user name/],
    ['https://user:password@example.com/', /user name/],
    ['https://@example.com/', /user name/],
    ['https://example.com\\@127.0.0.1/', /blanks/],
    ['https://example.com/\r\nHost: inner', /blanks/],
    ['https://exa\tmple.com/', /blanks/],
    [' https://example.com/', /blanks/],
    ['https://example.com/#x', /fragment/],
    ['https://example.com./', /dot/],
    ['https://nowhere.example.com/', /found/],
    ['//example.com/', /absolute/],
    ['', /absolute/],
    ['https://[fe80::1%25eth0]/', /absolute/],
    [`https://example.com/${'a'.repeat(2048)}`, /characters/],
  ])('refuses %j', async (url, reason) => {
    await expect(reach(guardWith(), url)).rejects.toThrow(reason);
  });

  it('refuses a name with one inner address among public ones', async () => {
    await expect(reach(guardWith(), 'https://both.example.com/')).rejects.toThrow(/reserved/);
  });

  it('lets public addresses through, in one spelling', async () => {
    const guard = guardWith();
    expect(await reach(guard, 'https://93.184.216.34/hook?a=b')).toEqual(['93.184.216.34']);
    expect(await reach(guard, 'https://[2606:4700:0:0:0:0:0:1111]/')).toEqual(['2606:4700::1111']);
    expect(await reach(guard, 'https://172.32.0.1:8443/')).toEqual(['172.32.0.1']);
  });

  it('opens listed ranges, to the operator alone what is for the log collector, and metadata to nobody', async () => {
    const guard = guardWith({
      outboundAllowedRanges: ['10.0.0.0/8', '169.254.0.0/16', 'fe80::/10', 'fd00::/8'],
      auditForwardAllowedRanges: ['192.168.7.0/24'],
    });
    expect(await reach(guard, 'https://10.9.8.7/')).toEqual(['10.9.8.7']);
    expect(await reach(guard, 'https://192.168.7.1/', 'forOperator')).toEqual(['192.168.7.1']);
    await expect(reach(guard, 'https://192.168.7.1/')).rejects.toThrow(/reserved/);
    for (const who of ['forTeams', 'forOperator'] as const) {
      for (const host of ['169.254.169.254', '[fe80::1]', '[fd00:ec2::254]', '[::ffff:169.254.169.254]']) {
        await expect(reach(guard, `https://${host}/`, who)).rejects.toThrow(/reserved/);
      }
    }
  });

  it('never says what it refused', async () => {
    const refused = await reach(guardWith(), 'https://192.168.99.1/token-in-path').catch((error) => error);
    expect(`${refused.message} ${JSON.stringify(refused)}`).not.toMatch(/192\.168|token-in-path/);
  });

  it('takes http only where the setting says so', async () => {
    const guard = guardWith({ outboundAllowHttp: true });
    expect(await reach(guard, 'http://93.184.216.34/')).toEqual(['93.184.216.34']);
  });

  it('pins a socket to the checked addresses, whatever name and family it asks for', () => {
    const lookup = pinnedLookup([{ address: '93.184.216.34', family: 4 }]);
    const seen: unknown[] = [];
    lookup('localhost', { all: true }, (_error, found) => seen.push(found));
    lookup('localhost', { family: 4 }, (_error, found) => seen.push(found));
    lookup('localhost', { family: 6 }, (error) => seen.push(error?.code));
    expect(seen).toEqual([[{ address: '93.184.216.34', family: 4 }], '93.184.216.34', 'OUTBOUND_REFUSED']);
  });
});
