import type { FaultDatabase } from './database.js';

export type Action = 'CREATE' | 'UPDATE' | 'DELETE';

/** A change that the API has acknowledged with a 2xx. */
export interface Acknowledged {
  readonly action: Action;
  readonly id: string;
  /** Version of the record that the answer named; null where it names none. */
  readonly version: number | null;
  /** The request's own id, which its audit row must carry. */
  readonly requestId: string;
}

export interface Findings {
  /** Acknowledged, and not in the tables. */
  readonly lost: number;
  /** In the tables (acknowledged or not), and not in the audit log. */
  readonly unaudited: number;
  /** In the audit log, and not in the tables. */
  readonly orphans: number;
}

/** Compares what clients were promised with what the database holds. */
export async function compare(database: FaultDatabase, journal: readonly Acknowledged[]): Promise<Findings> {
  const [lost] = await database.sql<{ count: number }>(
    `SELECT count(*)::int AS count FROM jsonb_to_recordset($1::jsonb) AS j(action text, id uuid, version int, "requestId" text)
     LEFT JOIN clients c ON c.id = j.id
     WHERE c.id IS NULL OR c.version < coalesce(j.version, 1) OR (j.action = 'DELETE' AND c.archived_at IS NULL)`,
    [JSON.stringify(journal)],
  );
  const [unnamed] = await database.sql<{ count: number }>(
    `SELECT count(*)::int AS count FROM jsonb_to_recordset($1::jsonb) AS j(action text, id uuid, "requestId" text)
     LEFT JOIN audit_log a ON a.resource_id = j.id AND a.request_id = j."requestId" AND a.action = j.action
     WHERE a.id IS NULL`,
    [JSON.stringify(journal)],
  );
  // Every version of a record has exactly one audit row, whether its client heard of it or not.
  const [counts] = await database.sql<{ missing: number; surplus: number }>(
    `SELECT coalesce(sum(greatest(coalesce(c.version, 0) - coalesce(a.rows, 0), 0)), 0)::int AS missing,
       coalesce(sum(greatest(coalesce(a.rows, 0) - coalesce(c.version, 0), 0)), 0)::int AS surplus
     FROM clients c FULL JOIN (SELECT resource_id, count(*)::int AS rows FROM audit_log WHERE resource_type = 'client'
       GROUP BY resource_id) a ON a.resource_id = c.id`,
  );
  return { lost: lost.count, unaudited: Math.max(unnamed.count, counts.missing), orphans: counts.surplus };
}
