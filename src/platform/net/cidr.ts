/**
 * IP addresses and CIDR ranges, read strictly. Whatever is compared with a rule goes through here first, so that one
 * address has one spelling: `010.0.0.1`, `10.1` and `fe80::1%eth0` are refused rather than guessed at, and an
 * IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) is the IPv4 address it carries. Translated addresses
 * (`64:ff9b::/96`, RFC 6052) are not unwrapped: their writer is a gateway, not the named host.
 */

/** `255.255.255.255` */
const IPV4_MAX_LENGTH = 15;

/** `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255` */
const IPV6_MAX_LENGTH = 45;

/** The longest address, a slash and three digits. */
const CIDR_MAX_LENGTH = IPV6_MAX_LENGTH + 4;

const MAPPED_PREFIX_BITS = 96;

/** One 32-bit word for IPv4, four for IPv6, most significant first. */
type Words = readonly [number] | readonly [number, number, number, number];

/** A range of addresses. Made only by {@link parseCidr}; an IPv6 range never contains IPv4 addresses. */
export interface Cidr {
  readonly family: 4 | 6;
  readonly words: Words;
  /** 0..32 for IPv4, 0..128 for IPv6. */
  readonly prefixLength: number;
  /** Canonical, for example `203.0.113.0/24` or `2001:db8::/32`. */
  readonly text: string;
}

/** A set of ranges, for example the trusted proxies. */
export interface AddressList {
  readonly size: number;
  /** Whether the address lies in a range. An address that cannot be read lies in none. */
  has(address: string): boolean;
}

/** Reads `203.0.113.0/24`, `2001:db8::/32` or a bare address (/32, /128). Null when {@link cidrProblem} has a reason. */
export function parseCidr(text: string): Cidr | null {
  const read = readCidr(text);
  return typeof read === 'string' ? null : read;
}

/** Why a text is no CIDR, as a sentence for its author; null when it is one. Repeats nothing but a corrected range. */
export function cidrProblem(text: string): string | null {
  const read = readCidr(text);
  return typeof read === 'string' ? read : null;
}

/**
 * The one spelling of an address: dotted decimal for IPv4 and IPv4-mapped, RFC 5952 section 4 for IPv6.
 * Null for anything else: ports, zone ids, brackets, spaces, leading zeros, fewer than four parts.
 */
export function normalizeAddress(text: string): string | null {
  const words = parseAddress(text);
  return words === null ? null : formatAddress(words);
}

/** Whether the address lies in the range; false when it cannot be read. */
export function cidrContains(cidr: Cidr, address: string): boolean {
  const words = parseAddress(address);
  return words !== null && contains(cidr, words);
}

/** Ranges to look addresses up in: the address is read once, then compared in numbers. */
export function addressList(cidrs: readonly Cidr[]): AddressList {
  const ranges = [...cidrs];
  return {
    size: ranges.length,
    has(address) {
      if (ranges.length === 0) return false;
      const words = parseAddress(address);
      return words !== null && ranges.some((range) => contains(range, words));
    },
  };
}

/**
 * What an address is counted under: an IPv4 address itself, an IPv6 address by its /64 (RFC 6177: one site holds at
 * least that many, so single addresses would be an endless supply). All unreadable texts share one subject.
 */
export function rateLimitSubject(address: string): string {
  const words = parseAddress(address);
  if (words === null) return 'unknown';
  if (words.length === 1) return formatAddress(words);
  return `${formatAddress([words[0], words[1], 0, 0])}/64`;
}

/** The network an address lies in, of this many bits by family, as a canonical CIDR; null when it cannot be read. */
export function enclosingNetwork(
  address: string,
  prefixLengths: { readonly ipv4: number; readonly ipv6: number },
): string | null {
  const words = parseAddress(address);
  if (words === null) return null;
  const prefixLength = words.length === 1 ? prefixLengths.ipv4 : prefixLengths.ipv6;
  const start = words.map((word, index) => (word & maskWord(prefixLength, index)) >>> 0) as unknown as Words;
  return makeCidr(start, prefixLength).text;
}

function readCidr(text: string): Cidr | string {
  if (typeof text !== 'string' || text.length > CIDR_MAX_LENGTH) return 'is not an IP address or CIDR range';
  const slash = text.indexOf('/');
  const address = slash < 0 ? text : text.slice(0, slash);
  const words = address.includes(':') ? parseIpv6(address) : parseIpv4(address);
  if (words === null) return 'is not an IP address or CIDR range';

  const width = words.length * 32;
  const prefixLength = slash < 0 ? width : parseDecimal(text.slice(slash + 1), 3);
  if (prefixLength === null || prefixLength > width) return `must have a prefix length of 0 to ${width}`;

  const start = words.map((word, index) => (word & maskWord(prefixLength, index)) >>> 0) as unknown as Words;
  if (start.some((word, index) => word !== words[index])) {
    return `has bits set beyond its prefix; the range is ${formatAddress(start)}/${prefixLength}`;
  }
  // A mapped start has bit 96 set, so its prefix reaches that far: shorter ones were refused just now.
  const plain = unmapped(start);
  return makeCidr(plain, plain.length === start.length ? prefixLength : prefixLength - MAPPED_PREFIX_BITS);
}

function makeCidr(words: Words, prefixLength: number): Cidr {
  return {
    family: words.length === 1 ? 4 : 6,
    words,
    prefixLength,
    text: `${formatAddress(words)}/${prefixLength}`,
  };
}

function contains(cidr: Cidr, words: Words): boolean {
  if (cidr.words.length !== words.length) return false;
  for (let index = 0; index < words.length; index += 1) {
    if (((words[index] ^ cidr.words[index]) & maskWord(cidr.prefixLength, index)) !== 0) return false;
  }
  return true;
}

/** The mask's 32-bit word at `index`; shifting by 32 would shift by 0, hence the two ends. */
function maskWord(prefixLength: number, index: number): number {
  const bits = prefixLength - index * 32;
  if (bits <= 0) return 0;
  return bits >= 32 ? -1 : -1 << (32 - bits);
}

function parseAddress(text: string): Words | null {
  if (typeof text !== 'string') return null;
  if (!text.includes(':')) return parseIpv4(text);
  const words = parseIpv6(text);
  return words === null ? null : unmapped(words);
}

function unmapped(words: Words): Words {
  const isMapped = words.length === 4 && words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
  return isMapped ? [words[3]] : words;
}

function parseIpv4(text: string): readonly [number] | null {
  if (text.length > IPV4_MAX_LENGTH) return null;
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  let word = 0;
  for (const part of parts) {
    const octet = parseDecimal(part, 3);
    if (octet === null || octet > 255) return null;
    word = word * 256 + octet;
  }
  return [word];
}

/** RFC 4291 section 2.2, all three forms; no zone id (RFC 4007), which means nothing outside its host. */
function parseIpv6(text: string): readonly [number, number, number, number] | null {
  if (text.length > IPV6_MAX_LENGTH) return null;
  const gap = text.indexOf('::');
  const head = parseGroups(gap < 0 ? text : text.slice(0, gap), gap < 0);
  const tail = gap < 0 ? [] : parseGroups(text.slice(gap + 2), true);
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  // RFC 4291 allows "::" for one group already; zero groups would be a second spelling of a full address.
  if (gap < 0 ? missing !== 0 : missing < 1) return null;
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...tail];
  const word = (index: number) => groups[index * 2] * 0x10000 + groups[index * 2 + 1];
  return [word(0), word(1), word(2), word(3)];
}

/** 16-bit groups between colons; only the end of an address may be dotted decimal. Empty text is no groups. */
function parseGroups(text: string, mayEndInIpv4: boolean): number[] | null {
  if (text === '') return [];
  const parts = text.split(':');
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (mayEndInIpv4 && index === parts.length - 1 && part.includes('.')) {
      const ipv4 = parseIpv4(part);
      if (ipv4 === null) return null;
      groups.push(ipv4[0] >>> 16, ipv4[0] & 0xffff);
    } else {
      if (!/^[0-9A-Fa-f]{1,4}$/.test(part)) return null;
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups;
}

/** ASCII digits without a leading zero (which other parsers take for octal). */
function parseDecimal(text: string, maxDigits: number): number | null {
  if (text.length === 0 || text.length > maxDigits) return null;
  let value = 0;
  for (let index = 0; index < text.length; index += 1) {
    const digit = text.charCodeAt(index) - 48;
    if (digit < 0 || digit > 9) return null;
    value = value * 10 + digit;
  }
  return text.length > 1 && text.startsWith('0') ? null : value;
}

function formatAddress(words: Words): string {
  return words.length === 1 ? formatIpv4(words[0]) : formatIpv6(words);
}

function formatIpv4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}

/** RFC 5952 section 4: lower case, no leading zeros, the first longest run of two or more zero groups as `::`. */
function formatIpv6(words: readonly number[]): string {
  const groups = words.flatMap((word) => [word >>> 16, word & 0xffff]);
  let start = -1;
  let length = 1;
  for (let from = 0; from < groups.length; from += 1) {
    let to = from;
    while (to < groups.length && groups[to] === 0) to += 1;
    if (to - from > length) [start, length] = [from, to - from];
    from = Math.max(from, to);
  }
  const hex = groups.map((group) => group.toString(16));
  if (start < 0) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}
