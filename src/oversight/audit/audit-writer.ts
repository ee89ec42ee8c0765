import { Injectable } from '@nestjs/common';
import { type Actor, ChangeRecorder, type RecordedChange } from '../../platform/database/change-recorder.js';
import type { Statement } from '../../platform/database/statement.js';

/** Writes audit rows as part of the transaction they describe. */
@Injectable()
export class AuditWriter extends ChangeRecorder {
  statements(actor: Actor, changes: readonly RecordedChange[]): Statement[] {
    return changes.map((change) => ({
      name: 'audit:insert',
      text: `INSERT INTO audit_log (team_id, id, action, resource_type, resource_id, old_values, new_values, sealed,
          user_id, api_key_id, auth_method, ip_address, user_agent, request_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
      values: [
        actor.teamId,
        change.id,
        change.action,
        change.resourceType,
        change.resourceId,
        json(change.oldValues),
        json(change.newValues),
        change.sealed,
        actor.userId,
        actor.apiKeyId,
        actor.authMethod,
        actor.ipAddress,
        actor.userAgent,
        actor.requestId,
      ],
    }));
  }
}

function json(values: Record<string, unknown> | null): string | null {
  return values === null ? null : JSON.stringify(values);
}
