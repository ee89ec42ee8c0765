import { type AddressList, addressList, parseCidr } from './cidr.js';

function ranges(...texts: string[]): AddressList {
  return addressList(
    texts.map((text) => {
      const range = parseCidr(text);
      if (!range) throw new Error(`${text} is no range`);
      return range;
    }),
  );
}

const EVERY_IPV4 = ranges('0.0.0.0/0');

/** IPv4 that is not a host of the public internet (IANA special-purpose registry, RFC 6890), multicast and class E. */
const SPECIAL_IPV4 = ranges(
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
);

/** The one block that IPv6 hosts of the public internet have addresses from (RFC 4291 section 2.4, IANA). */
const GLOBAL_IPV6 = ranges('2000::/3');

/** Parts of it that are something else: Teredo and other protocols, documentation, and 6to4, which carries an IPv4 address. */
const SPECIAL_IPV6 = ranges('2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20');

/**
 * Where clouds answer questions about the machine itself, credentials included. No setting opens these: an operator
 * who lets `169.254.0.0/16` or `fd00::/8` through means a neighbour, never this.
 */
const METADATA = ranges(
  '169.254.0.0/16',
  'fe80::/10',
  'fd00:ec2::/32',
  '100.100.100.200/32',
  '168.63.129.16/32',
  '192.0.0.192/32',
);

/** Whether the address is a host of the public internet, as far as its number says; false when it cannot be read. */
export function isPublicAddress(address: string): boolean {
  if (METADATA.has(address)) return false;
  // An IPv4-mapped address is compared as the IPv4 address it carries.
  if (EVERY_IPV4.has(address)) return !SPECIAL_IPV4.has(address);
  return GLOBAL_IPV6.has(address) && !SPECIAL_IPV6.has(address);
}

/** Whether the address serves a machine's metadata or is link-local, which nothing may open. */
export function isMetadataAddress(address: string): boolean {
  return METADATA.has(address);
}
