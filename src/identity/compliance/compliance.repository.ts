import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/database/database.js';
import type { Row, Statement } from '../../platform/database/statement.js';
import type { ReportPeriodView } from './dto/compliance-report.view.js';

/** A report is read by people: no list in it is longer. */
const MAX_ENTRIES = 1000;

export interface ComplianceFacts {
  readonly team: Row;
  readonly members: readonly Row[];
  readonly changes: readonly Row[];
  readonly keys: readonly Row[];
  readonly events: readonly Row[];
  readonly retention: Row;
}

/** The figures of a report, from the tables of several features, in one round trip and inside the team. */
@Injectable()
export class ComplianceRepository {
  constructor(private readonly database: Database) {}

  async facts(teamId: string, period: ReportPeriodView): Promise<ComplianceFacts> {
    const of = (part: string, text: string, ...values: string[]): Statement => ({
      name: `compliance:${part}`,
      text,
      values: [teamId, ...values],
    });
    const { from, to } = period;
    const [team, members, changes, keys, events, retention] = await this.database.runIn(
      { teamId, userId: null },
      [
        of('team', 'SELECT name FROM teams WHERE id = $1'),
        of(
          'members',
          `SELECT m.user_id, u.name, m.role, u.two_factor_enabled_at IS NOT NULL AS two_factor, u.disabled_at IS NOT NULL AS disabled,
          (SELECT max(s.authenticated_at) FROM sessions s WHERE s.team_id = m.team_id AND s.user_id = m.user_id) AS signed_in
        FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.team_id = $1 ORDER BY u.name, m.user_id LIMIT ${MAX_ENTRIES}`,
        ),
        of(
          'changes',
          `SELECT resource_type, count(*) FILTER (WHERE action = 'CREATE') AS created,
          count(*) FILTER (WHERE action = 'UPDATE') AS updated, count(*) FILTER (WHERE action = 'DELETE') AS deleted
        FROM audit_log WHERE team_id = $1 AND created_at >= $2 AND created_at < $3 GROUP BY resource_type ORDER BY resource_type`,
          from,
          to,
        ),
        of(
          'keys',
          `SELECT id, name, environment, created_by, created_at, expires_at, last_used_at, revoked_at FROM api_keys
        WHERE team_id = $1 AND (revoked_at IS NULL OR revoked_at >= $2) AND created_at < $3 ORDER BY id LIMIT ${MAX_ENTRIES}`,
          from,
          to,
        ),
        of(
          'events',
          `SELECT type, severity, sum(count) AS count FROM security_events
        WHERE team_id = $1 AND created_at >= $2 AND created_at < $3 GROUP BY type, severity ORDER BY type, severity`,
          from,
          to,
        ),
        of(
          'retention',
          `SELECT (SELECT min(created_at) FROM audit_log WHERE team_id = $1) AS oldest,
          (SELECT count(*) FROM audit_seal WHERE team_id = $1) AS batches,
          (SELECT count(*) FROM audit_log WHERE team_id = $1 AND created_at >= $2 AND created_at < $3
            AND action = 'DELETE' AND new_values @> '{"erased":true}') AS erasures`,
          from,
          to,
        ),
      ],
    );
    return {
      team: team.rows[0] ?? {},
      members: members.rows,
      changes: changes.rows,
      keys: keys.rows,
      events: events.rows,
      retention: retention.rows[0] ?? {},
    };
  }
}
