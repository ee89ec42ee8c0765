import type { LookupFunction } from 'node:net';
import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { type AddressList, addressList, normalizeAddress, parseCidr } from './cidr.js';
import { NameResolver, type NameSource } from './name-resolver.js';
import { isMetadataAddress, isPublicAddress } from './public-address.js';

const MAX_LENGTH = 2048;

/** Who wrote the URL, and what it may therefore reach. */
export interface OutboundPolicy {
  /** Addresses beyond the public internet that may be reached; those of cloud metadata never can. */
  readonly allowed: AddressList;
  /** Whether hosts of the public internet may be reached as well. */
  readonly internet: boolean;
  readonly allowHttp: boolean;
  readonly names: NameSource;
}

/** An address that was checked, in its one spelling. */
export interface CheckedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** A request that must not leave: its URL is unfit, or leads where nobody outside may look. */
export class OutboundRefusedError extends Error {
  readonly code = 'OUTBOUND_REFUSED';

  /** @param reason a rule, as a sentence for who wrote the URL; never the URL or an address, which would map the network */
  constructor(readonly reason: string) {
    super(`the URL ${reason}`);
    this.name = 'OutboundRefusedError';
  }
}

/**
 * The one guard of every outgoing URL against server-side request forgery (OWASP ASVS 5.0, 1.3.6). A URL is read by
 * the WHATWG parser, which leaves one spelling of each IPv4 address (decimal, octal and hex ones included); its host is
 * resolved here, every address that comes back must be allowed, and the connection goes to one of these and asks no
 * name server again.
 */
@Injectable()
export class OutboundGuard {
  /** For URLs that a member of a team wrote. */
  readonly forTeams: OutboundPolicy;
  /** For URLs of the operator's own settings. */
  readonly forOperator: OutboundPolicy;
  /** For the operator's own networks alone: what travels in the clear has no business elsewhere. */
  readonly forOperatorInside: OutboundPolicy;

  constructor(
    config: Config,
    private readonly names: NameResolver,
  ) {
    const { outboundAllowedRanges, auditForwardAllowedRanges, outboundAllowHttp: allowHttp } = config;
    this.forTeams = { allowed: listOf(outboundAllowedRanges), internet: true, allowHttp, names: 'dns' };
    // What the operator opens for the log collector is not thereby open to every team.
    const both = [...outboundAllowedRanges, ...auditForwardAllowedRanges];
    this.forOperator = { allowed: listOf(both), internet: true, allowHttp, names: 'system' };
    this.forOperatorInside = { ...this.forOperator, internet: false };
  }

  /**
   * Reads a URL and checks all that can be known without a name server; call it when a URL is set.
   * @throws OutboundRefusedError
   */
  read(text: string, policy: OutboundPolicy): URL {
    const url = readUrl(text, policy.allowHttp);
    const literal = literalOf(url.hostname);
    if (literal !== null) this.check([literal], policy);
    return url;
  }

  /**
   * The addresses to connect to. Refused when a single one of them is not allowed: a name with a public and an
   * inner address is an attempt, or becomes one with the next connection.
   * @param host as `URL.hostname` gives it
   * @throws OutboundRefusedError
   */
  async resolve(
    host: string,
    policy: OutboundPolicy,
  ): Promise<readonly [CheckedAddress, ...CheckedAddress[]]> {
    const literal = literalOf(host);
    const found = literal === null ? await this.names.addressesOf(host, policy.names) : [literal];
    return this.check(found, policy);
  }

  private check(
    found: readonly string[],
    policy: OutboundPolicy,
  ): readonly [CheckedAddress, ...CheckedAddress[]] {
    const [first, ...others] = found.map((text) => {
      const address = normalizeAddress(text);
      if (address === null || !isAllowed(address, policy)) {
        throw new OutboundRefusedError('must not lead to a private, local or otherwise reserved address');
      }
      return { address, family: address.includes(':') ? (6 as const) : (4 as const) };
    });
    if (first === undefined) throw new OutboundRefusedError('has a host that cannot be found');
    return [first, ...others];
  }
}

/** A `lookup` for sockets that knows these addresses and asks nobody. */
export function pinnedLookup(addresses: readonly CheckedAddress[]): LookupFunction {
  return (_host, options, callback) => {
    const wanted = addresses.filter(
      ({ family }) => !options.family || options.family === family || options.family === `IPv${family}`,
    );
    const [first] = wanted;
    if (first === undefined) callback(new OutboundRefusedError('has no address of this kind'), '', 0);
    else if (options.all) callback(null, [...wanted]);
    else callback(null, first.address, first.family);
  };
}

function isAllowed(address: string, policy: OutboundPolicy): boolean {
  if (isMetadataAddress(address)) return false;
  return (policy.internet && isPublicAddress(address)) || policy.allowed.has(address);
}

function readUrl(text: string, allowHttp: boolean): URL {
  if (text.length > MAX_LENGTH) throw new OutboundRefusedError(`must have at most ${MAX_LENGTH} characters`);
  // The parser quietly drops tabs and line breaks and turns backslashes; other readers of the same text do not.
  // eslint-disable-next-line no-control-regex -- control characters are what must go
  if (/[\u0000-\u0020\u007f\\]/.test(text) || !URL.canParse(text)) {
    throw new OutboundRefusedError('must be an absolute URL without blanks');
  }
  const url = new URL(text);
  if (url.protocol !== 'https:' && !(allowHttp && url.protocol === 'http:'))
    throw new OutboundRefusedError('must start with https://');
  if (url.username || url.password || /^[a-z]+:\/\/[^/?#]*@/i.test(text))
    throw new OutboundRefusedError('must not hold a user name or password');
  if (url.hash || text.includes('#')) throw new OutboundRefusedError('must not have a fragment');
  // The dot is one more spelling of the same host, which certificates and other checks do not know.
  if (url.hostname.endsWith('.')) throw new OutboundRefusedError('must not have a host that ends with a dot');
  return url;
}

/** The address when the host is one, without brackets; null for a name. */
function literalOf(host: string): string | null {
  if (host.startsWith('[')) return host.slice(1, -1);
  return normalizeAddress(host);
}

function listOf(ranges: readonly string[]): AddressList {
  return addressList(ranges.flatMap((text) => parseCidr(text) ?? []));
}
