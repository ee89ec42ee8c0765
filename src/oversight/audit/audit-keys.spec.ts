import { randomBytes } from 'node:crypto';
import type { Config } from '../../platform/config/config.js';
import { newId } from '../../platform/crypto/new-id.js';
import { AuditKeys } from './audit-keys.js';
import { canonicalJson } from './canonical-json.js';
import { canonicalAddress, contentDigestOf, contentText, writtenOf, type WrittenRow } from './row-content.js';
import { digestOf, markDigestOf } from './row-digest.js';
import type { StoredRow } from './stored-row.js';

const keys = new AuditKeys({
  auditSigningKey: randomBytes(32).toString('base64'),
  auditSigningPreviousKeys: [],
} as unknown as Config);

/** As PostgreSQL gives it back. */
const NEW_VALUES =
  '{"tags": [], "tiny": 0.0000001, "vast": 1500000000000000000000, "share": 0.5, "status": "inactive", "priceCents": 125000}';

function stored(changes: Partial<Record<keyof StoredRow, string | null>> = {}): StoredRow {
  const id = newId();
  const written = {
    teamId: newId(),
    id,
    action: 'UPDATE',
    resourceType: 'client',
    resourceId: newId(),
    userId: newId(),
    apiKeyId: null,
    authMethod: 'jwt',
    oldValues: canonicalJson({ tags: ['b', 'a'], status: 'active' }),
    newValues: canonicalJson({
      tags: [],
      status: 'inactive',
      share: 0.5,
      vast: 1.5e21,
      priceCents: 125_000,
      tiny: 1e-7,
    }),
    sealed: null,
    ipAddress: canonicalAddress('2001:db8::1'),
    userAgent: null,
    requestId: 'req-1',
  };
  const digest = contentDigestOf(written);
  const mac = keys.macOf(written, digest);
  const asKept = {
    ipAddress: '2001:db8::1',
    oldValues: '{"tags": ["b", "a"], "status": "active"}',
    newValues: NEW_VALUES,
  };
  const added = { createdAt: new Date().toISOString(), writtenIn: '7', mac, contentDigest: digest };
  return { ...written, ...asKept, ...added, ...changes } as StoredRow;
}

describe('rows of the audit log', () => {
  it('are known as ours, in whatever order PostgreSQL shows their values', () => {
    expect(keys.isOurs(stored())).toBe(true);
    expect(keys.isOurs(stored({ oldValues: '{"tags":["b","a"],"status":"active"}' }))).toBe(true);
  });

  it.each([
    ['another value', { oldValues: '{"tags": ["b", "a"], "status": "inactive"}' }],
    ['a number in more digits than we write', { newValues: NEW_VALUES.replace('0.5', '0.50') }],
    ['a large number of other digits', { newValues: NEW_VALUES.replace('00000,', '00001,') }],
    [
      'a small number of more digits',
      { newValues: NEW_VALUES.replace('0.0000001', '0.00000010000000000000000001') },
    ],
    ['values that are no JSON', { newValues: '{"status": ' }],
    ['an address that is none', { ipAddress: 'x:y' }],
    ['no transaction', { writtenIn: null }],
    ['no digest of its contents', { contentDigest: null }],
    ['the digest of other contents', { contentDigest: '0'.repeat(64) }],
    ['another id', { id: newId() }],
    ['another team', { teamId: newId() }],
    ['another order of a list', { oldValues: '{"status": "active", "tags": ["a", "b"]}' }],
    ['no code', { mac: '' }],
    ['a time far from its id', { createdAt: '2020-01-01T00:00:00.000Z' }],
    ['a time that is none', { createdAt: 'infinity' }],
    [
      'values nested deeper than a program can follow',
      { newValues: '{"a":'.repeat(20_000) + '1' + '}'.repeat(20_000) },
    ],
  ])('with %s are not ours', (_what, changes) => {
    expect(keys.isOurs(stored(changes))).toBe(false);
  });

  it('from before their contents had a digest are known by their code', () => {
    const row = stored();
    const written = writtenOf(row);
    const code = keys.current.mac(contentText(written as WrittenRow));
    const early = { ...row, contentDigest: null, mac: code };
    expect(keys.isOurs(early)).toBe(true);
    expect(keys.isOurs({ ...early, userAgent: 'nobody' })).toBe(false);
    expect(keys.vouchesFor(early)).toBe(false);
  });

  it('are vouched for by their mark alone, whatever became of their contents, which their digest tells', () => {
    const row = stored();
    const edited = { ...row, userAgent: 'nobody' };
    expect(keys.vouchesFor(edited)).toBe(true);
    expect(markDigestOf(edited)).toEqual(digestOf(row));
    expect(digestOf(edited)).not.toEqual(digestOf(row));
    expect(digestOf({ ...row, contentDigest: '0'.repeat(64) })).not.toEqual(digestOf(row));
    expect(keys.vouchesFor({ ...row, id: newId() })).toBe(false);
    expect(keys.vouchesFor({ ...row, mac: null })).toBe(false);
  });
});
