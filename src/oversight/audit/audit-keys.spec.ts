import { randomBytes } from 'node:crypto';
import type { Config } from '../../platform/config/config.js';
import { newId } from '../../platform/crypto/new-id.js';
import { AuditKeys } from './audit-keys.js';
import { canonicalJson } from './canonical-json.js';
import type { StoredRow } from './stored-row.js';

const keys = new AuditKeys({
  auditSigningKey: randomBytes(32).toString('base64'),
  auditSigningPreviousKeys: [],
} as unknown as Config);

function stored(changes: Partial<Record<keyof StoredRow, string>> = {}): StoredRow {
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
    newValues: canonicalJson({ tags: [], status: 'inactive' }),
    sealed: null,
    ipAddress: '2001:db8::1',
    userAgent: null,
    requestId: 'req-1',
  };
  const mac = keys.macOf(written).toString('hex');
  const asKept = {
    oldValues: '{"tags": ["b", "a"], "status": "active"}',
    newValues: '{"status": "inactive", "tags": []}',
  };
  return { ...written, ...asKept, createdAt: new Date().toISOString(), writtenIn: '7', mac, ...changes };
}

describe('rows of the audit log', () => {
  it('are known as ours, in whatever order PostgreSQL shows their values', () => {
    expect(keys.isOurs(stored())).toBe(true);
    expect(keys.isOurs(stored({ oldValues: '{"tags":["b","a"],"status":"active"}' }))).toBe(true);
  });

  it.each([
    ['another value', { newValues: '{"status": "active", "tags": []}' }],
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
});
