import { lookup, Resolver } from 'node:dns/promises';
import { Injectable } from '@nestjs/common';

const TIMEOUT_MS = 2000;
const TRIES = 2;

/** Where addresses of a name come from. */
export type NameSource = 'dns' | 'system';

/** Looks names up. */
@Injectable()
export class NameResolver {
  /**
   * All addresses of a name; none when there is no such name.
   *
   * `dns` asks the name servers over sockets. `system` also reads `/etc/hosts` and search domains, but blocks a thread
   * of the pool that hashes passwords: only for names that an operator wrote, never for those of users, whose name
   * server may take its time.
   */
  async addressesOf(host: string, source: NameSource): Promise<string[]> {
    if (source === 'system') {
      const found = await lookup(host, { all: true, verbatim: true }).catch(() => []);
      return found.map(({ address }) => address);
    }
    const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
    const [ipv4, ipv6] = await Promise.all([
      resolver.resolve4(host).catch((): string[] => []),
      resolver.resolve6(host).catch((): string[] => []),
    ]);
    return [...ipv4, ...ipv6];
  }
}
