import { createHmac } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { IntegrityError, open, seal } from '../../platform/crypto/aead.js';
import { pooledRandom } from '../../platform/crypto/random-pool.js';
import { type DataKey, type NewDataKey, SubjectCipher } from '../../platform/crypto/subject-cipher.js';
import { Database } from '../../platform/database/database.js';
import { MasterKeys } from '../../platform/crypto/master-keys.js';

/** AES-256. */
const KEY_BYTES = 32;
const KEY_ID_BYTES = 8;
/** About two megabytes, when all are in use. */
const SHARED_TOKENS = 10_000;

/**
 * Data keys wrapped by the team's key. The wrapped form is `master key id[8, hex text] | sealed key`, so a
 * value names the master key it needs, and a rotation re-wraps it without touching what it sealed.
 */
@Injectable()
export class DataKeys extends SubjectCipher {
  private readonly indexKeys = new LRUCache<string, Buffer>({ max: 5000 });
  /** Names repeat: most words of a new record have been hashed before, and a dozen hashes cost as much as its row. */
  private readonly sharedTokens = new LRUCache<string, string>({ max: SHARED_TOKENS });

  constructor(
    private readonly ring: MasterKeys,
    private readonly database: Database,
  ) {
    super();
  }

  create(teamId: string, subjectId: string): NewDataKey {
    const raw = pooledRandom(KEY_BYTES);
    const masterKeyId = this.ring.currentId;
    const wrapping = this.ring.teamKey(masterKeyId, teamId, 'wrap-data-keys');
    const wrapped = Buffer.concat([
      Buffer.from(masterKeyId),
      seal(wrapping, raw, keyPlace(teamId, subjectId)),
    ]);
    return { key: new RawDataKey(raw, teamId, subjectId), wrapped, masterKeyId };
  }

  unwrap(teamId: string, subjectId: string, wrapped: Buffer): DataKey {
    return new RawDataKey(this.unwrapRaw(teamId, subjectId, wrapped), teamId, subjectId);
  }

  private unwrapRaw(teamId: string, subjectId: string, wrapped: Buffer): Buffer {
    if (wrapped.length <= KEY_ID_BYTES) throw new IntegrityError();
    const masterKeyId = wrapped.toString('latin1', 0, KEY_ID_BYTES);
    const wrapping = this.ring.teamKey(masterKeyId, teamId, 'wrap-data-keys');
    return open(wrapping, wrapped.subarray(KEY_ID_BYTES), keyPlace(teamId, subjectId));
  }

  async tokens(teamId: string, terms: readonly string[], shared = false): Promise<string[]> {
    if (terms.length === 0) return [];
    const key = await this.indexKey(teamId);
    return terms.map((term) => (shared ? this.sharedToken(teamId, key, term) : tokenOf(key, term)));
  }

  private sharedToken(teamId: string, key: Buffer, term: string): string {
    const name = `${teamId}|${term}`;
    // Not `get`: moving a word to the front costs more than hashing it anew once in ten thousand words.
    let token = this.sharedTokens.peek(name);
    if (token === undefined) {
      token = tokenOf(key, term);
      this.sharedTokens.set(name, token);
    }
    return token;
  }

  async fingerprint(teamId: string, purpose: string, secret: string): Promise<Buffer> {
    return createHmac('sha256', await this.indexKey(teamId))
      .update(`${purpose}|${secret}`)
      .digest();
  }

  private async indexKey(teamId: string): Promise<Buffer> {
    return this.indexKeys.get(teamId) ?? this.loadIndexKey(teamId);
  }

  /** The team is a subject like any other; its data key is the index key. */
  private async loadIndexKey(teamId: string): Promise<Buffer> {
    const [result] = await this.database.runIn({ teamId, userId: null }, [
      {
        name: 'team-index-key',
        text: 'SELECT wrapped FROM data_keys WHERE team_id = $1 AND subject_id = $1',
        values: [teamId],
      },
    ]);
    const wrapped = result?.rows[0]?.wrapped;
    if (!Buffer.isBuffer(wrapped)) throw new Error('the team has no index key');
    const key = this.unwrapRaw(teamId, teamId, wrapped);
    this.indexKeys.set(teamId, key);
    return key;
  }
}

function tokenOf(key: Buffer, term: string): string {
  const digest = createHmac('sha256', key).update(term).digest('hex');
  // 128 bits in the shape of a uuid, PostgreSQL's most compact indexable type of that size.
  return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-${digest.slice(12, 16)}-${digest.slice(16, 20)}-${digest.slice(20, 32)}`;
}

function keyPlace(teamId: string, subjectId: string): string {
  return `data-key|${teamId}|${subjectId}|1`;
}

class RawDataKey implements DataKey {
  constructor(
    private readonly raw: Buffer,
    private readonly teamId: string,
    private readonly subjectId: string,
  ) {}

  seal(plaintext: string, field: string): Buffer {
    return seal(this.raw, plaintext, this.place(field));
  }

  open(sealed: Buffer, field: string): string {
    return open(this.raw, sealed, this.place(field)).toString('utf8');
  }

  private place(field: string): string {
    return `value|${field}|${this.subjectId}|${this.teamId}|1`;
  }
}
