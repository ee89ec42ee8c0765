import { Injectable } from '@nestjs/common';
import { type Actor, ChangeRecorder, type RecordedChange } from '../../platform/database/change-recorder.js';
import type { Statement } from '../../platform/database/statement.js';
import { AuditKeys } from './audit-keys.js';
import { canonicalJson } from './canonical-json.js';
import { canonicalAddress, contentDigestOf, type WrittenRow } from './row-content.js';

/** Writes audit rows as part of the transaction they describe. */
@Injectable()
export class AuditWriter extends ChangeRecorder {
  constructor(private readonly keys: AuditKeys) {
    super();
  }

  statements(actor: Actor, changes: readonly RecordedChange[]): Statement[] {
    const rows = changes.map((change) => this.valuesOf(actor, change));
    const [{ name, text }, values] = rows.length === 1 ? [ONE, rows[0]] : [MANY, columnsOf(rows)];
    return [{ name, text, values }];
  }

  /** In the order of {@link COLUMNS}. */
  private valuesOf(actor: Actor, change: RecordedChange): unknown[] {
    const row = writtenRow(actor, change);
    const digest = contentDigestOf(row);
    const mac = this.keys.macOf(row, digest);
    const { id, action, resourceType, resourceId, sealed } = change;
    const values = [row.oldValues, row.newValues, sealed, bytea(digest), bytea(mac)];
    const { teamId, userId, apiKeyId, authMethod, ipAddress, userAgent, requestId } = actor;
    const who = [teamId, userId, apiKeyId, authMethod, ipAddress, userAgent, requestId];
    return [id, action, resourceType, resourceId, ...values, ...who];
  }
}

function writtenRow(actor: Actor, change: RecordedChange): WrittenRow {
  return {
    teamId: actor.teamId,
    id: change.id,
    action: change.action,
    resourceType: change.resourceType,
    resourceId: change.resourceId,
    userId: actor.userId,
    apiKeyId: actor.apiKeyId,
    authMethod: actor.authMethod,
    oldValues: json(change.oldValues),
    newValues: json(change.newValues),
    sealed: change.sealed?.toString('hex') ?? null,
    ipAddress: canonicalAddress(actor.ipAddress),
    userAgent: actor.userAgent,
    requestId: actor.requestId,
  };
}

/** What differs from row to row of one unit, then what is the same: who acts. */
const OWN = {
  id: 'uuid',
  action: 'text',
  resource_type: 'text',
  resource_id: 'uuid',
  old_values: 'jsonb',
  new_values: 'jsonb',
  sealed: 'bytea',
  content_digest: 'bytea',
  mac: 'bytea',
} as const;
const SHARED = ['team_id', 'user_id', 'api_key_id', 'auth_method', 'ip_address', 'user_agent', 'request_id'];
const OWN_COLUMNS = Object.keys(OWN);
const COLUMNS = [...OWN_COLUMNS, ...SHARED];
const PLACEHOLDERS = COLUMNS.map((_, n) => `$${n + 1}`);

const ONE = {
  name: 'audit:insert',
  text: `INSERT INTO audit_log (${COLUMNS.join(', ')}) VALUES (${PLACEHOLDERS.join(', ')})`,
};

const MANY = {
  name: 'audit:insert-many',
  text: `INSERT INTO audit_log (${COLUMNS.join(', ')})
    SELECT ${OWN_COLUMNS.map((column) => `r.${column}`).join(', ')}, ${PLACEHOLDERS.slice(OWN_COLUMNS.length).join(', ')}
    FROM unnest(${Object.values(OWN)
      .map((type, n) => `$${n + 1}::${type}[]`)
      .join(', ')}) r(${OWN_COLUMNS.join(', ')})`,
};

function columnsOf(rows: readonly (readonly unknown[])[]): unknown[] {
  return COLUMNS.map((_, n) => (n < OWN_COLUMNS.length ? rows.map((row) => row[n]) : rows[0][n]));
}

function json(values: Record<string, unknown> | null): string | null {
  return values === null ? null : canonicalJson(values);
}

/** As PostgreSQL reads it (manual, "Binary Data Types"): a buffer costs more than the text. */
function bytea(hex: string): string {
  return `\\x${hex}`;
}
