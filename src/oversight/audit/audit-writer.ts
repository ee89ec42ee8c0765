import { Injectable } from '@nestjs/common';
import { type Actor, ChangeRecorder, type RecordedChange } from '../../platform/database/change-recorder.js';
import type { Statement } from '../../platform/database/statement.js';
import { AuditKeys } from './audit-keys.js';

/** Writes audit rows as part of the transaction they describe. */
@Injectable()
export class AuditWriter extends ChangeRecorder {
  constructor(private readonly keys: AuditKeys) {
    super();
  }

  statements(actor: Actor, changes: readonly RecordedChange[]): Statement[] {
    return changes.map((change) => this.insert(actor, change));
  }

  private insert(actor: Actor, change: RecordedChange): Statement {
    const oldValues = json(change.oldValues);
    const newValues = json(change.newValues);
    const { id, action, resourceType, resourceId } = change;
    const sealed = change.sealed?.toString('hex') ?? null;
    const row = { ...actor, id, action, resourceType, resourceId, oldValues, newValues, sealed };
    return {
      name: 'audit:insert',
      text: `INSERT INTO audit_log (team_id, id, action, resource_type, resource_id, old_values, new_values, sealed,
          user_id, api_key_id, auth_method, ip_address, user_agent, request_id, mac)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
      values: [
        actor.teamId,
        id,
        action,
        resourceType,
        resourceId,
        oldValues,
        newValues,
        change.sealed,
        actor.userId,
        actor.apiKeyId,
        actor.authMethod,
        actor.ipAddress,
        actor.userAgent,
        actor.requestId,
        this.keys.macOf(row),
      ],
    };
  }
}

function json(values: Record<string, unknown> | null): string | null {
  return values === null ? null : JSON.stringify(values);
}
