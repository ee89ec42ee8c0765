import { Injectable } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import { SubjectCipher } from '../../platform/crypto/subject-cipher.js';
import { Database } from '../../platform/database/database.js';
import type { Row } from '../../platform/database/statement.js';
import { inTenant } from '../../platform/database/tenant-read.js';

/** Nobody reads a longer list of what happened since. */
const MAX_VERSIONS = 100;

/** What happened to a record, from its audit rows: every version has exactly one. */
@Injectable()
export class RecordHistory {
  constructor(
    private readonly database: Database,
    private readonly cipher: SubjectCipher,
  ) {}

  /** Names of the fields that changed between a version and the present one, sorted. */
  async changedSince(
    context: RequestContext,
    row: { id: string; version: number },
    version: number,
  ): Promise<string[]> {
    const versions = Math.min(row.version - version, MAX_VERSIONS);
    if (versions < 1) return [];
    const { teamId } = context.principal;
    const rows = await this.database.runOne({
      name: 'record-history:since',
      text: inTenant(`SELECT a.id, a.old_values, a.new_values, a.sealed, k.wrapped FROM audit_log a
        LEFT JOIN LATERAL (SELECT k.wrapped FROM data_keys k
          WHERE k.team_id = a.team_id AND k.subject_id = a.resource_id LIMIT 1) k ON true
        WHERE a.team_id = $1::uuid AND a.resource_id = $2 AND x.team IS NOT NULL ORDER BY a.id DESC LIMIT $3`),
      values: [teamId, row.id, versions],
    });
    const names = rows.flatMap((entry) => [
      ...fieldsOf(entry.new_values),
      ...this.personal(teamId, row.id, entry),
    ]);
    return [...new Set(names)].sort();
  }

  private personal(teamId: string, id: string, entry: Row): string[] {
    if (!Buffer.isBuffer(entry.sealed) || !Buffer.isBuffer(entry.wrapped)) return [];
    const key = this.cipher.unwrap(teamId, id, entry.wrapped);
    const values = JSON.parse(key.open(entry.sealed, `audit_log|${String(entry.id)}`)) as { new?: object };
    return fieldsOf(values.new);
  }
}

function fieldsOf(values: unknown): string[] {
  return typeof values === 'object' && values !== null ? Object.keys(values) : [];
}
