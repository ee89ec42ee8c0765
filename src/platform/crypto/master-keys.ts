import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { IntegrityError, open } from './aead.js';
import { deriveKey } from './derive-key.js';

/**
 * The master keys by id, current first. An id is a fingerprint of the key, so configuration need not name
 * keys and two instances always agree.
 */
export class MasterKeys {
  readonly currentId: string;
  private readonly masters = new Map<string, Buffer>();
  private readonly derived = new LRUCache<string, Buffer>({ max: 5000 });

  /** @param keys 64 hex digits each; the first wraps new data keys, the others only open old ones */
  constructor(keys: readonly string[]) {
    for (const hex of keys) {
      const master = Buffer.from(hex, 'hex');
      if (master.length !== 32) throw new Error('a master key is 64 hex digits');
      this.masters.set(keyId(master), master);
    }
    const [first] = this.masters.keys();
    if (first === undefined) throw new Error('no master key');
    this.currentId = first;
  }

  /** The key of one team for one purpose. @throws IntegrityError when no such master key is configured */
  teamKey(masterKeyId: string, teamId: string, purpose: string): Buffer {
    const cacheKey = `${masterKeyId}|${teamId}|${purpose}`;
    let key = this.derived.get(cacheKey);
    if (key === undefined) {
      const master = this.masters.get(masterKeyId);
      // The id stands in front of a stored value: it is as likely to have been altered as to name a key that is gone.
      if (master === undefined)
        throw new IntegrityError(`master key ${JSON.stringify(masterKeyId)} is not configured`);
      key = deriveKey(master, teamId, purpose);
      this.derived.set(cacheKey, key);
    }
    return key;
  }

  /**
   * Opens a short-lived value that was sealed under the team key of whichever master key was current then.
   * @throws IntegrityError when none of the configured keys fits
   */
  openWithAny(teamId: string, purpose: string, sealed: Buffer, place: string): Buffer {
    for (const id of this.masters.keys()) {
      try {
        return open(this.teamKey(id, teamId, purpose), sealed, place);
      } catch (error) {
        if (!(error instanceof IntegrityError)) throw error;
      }
    }
    throw new IntegrityError();
  }

  /** The installation's keys for one purpose: the current one, then those of earlier master keys. */
  installationKeys(purpose: string): [Buffer, ...Buffer[]] {
    const [, ...earlier] = this.ids;
    const keyOf = (id: string): Buffer => this.teamKey(id, 'installation', purpose);
    return [keyOf(this.currentId), ...earlier.map(keyOf)];
  }

  /** Ids of all configured master keys, current first. */
  get ids(): string[] {
    return [...this.masters.keys()];
  }
}

/** Eight hex digits of a hash: enough to tell a handful of keys apart, nothing about the key itself. */
function keyId(master: Buffer): string {
  return createHash('sha256').update('latchkey/master-key-id').update(master).digest('hex').slice(0, 8);
}
