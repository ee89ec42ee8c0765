import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { type DataKey, SubjectCipher } from '../../platform/crypto/subject-cipher.js';
import { tokenHolders } from '../../platform/database/blind-index.js';
import { Database, enter } from '../../platform/database/database.js';
import type { Row, Statement, TenantScope } from '../../platform/database/statement.js';

export type ImportResource = 'clients' | 'leads' | 'listings';
export type MatchField = 'email' | 'phone' | 'mlsNumber';
type ChunkKind = 'file' | 'errors';

/** One import as it is stored. */
export interface StoredImport {
  readonly teamId: string;
  readonly id: string;
  readonly resource: ImportResource;
  readonly status: 'queued' | 'running' | 'completed' | 'failed' | 'stopped';
  readonly dryRun: boolean;
  readonly matchOn: MatchField | null;
  readonly mapping: Readonly<Record<string, string>> | null;
  readonly wrapped: Buffer;
  readonly userId: string;
  readonly homeTeamId: string;
  readonly apiKeyId: string | null;
  readonly ipAddress: string;
  readonly userAgent: string | null;
  readonly total: number | null;
  readonly processed: number;
  readonly imported: number;
  readonly updated: number;
  readonly duplicates: number;
  readonly failed: number;
  readonly reason: string | null;
  readonly createdAt: string;
  readonly finishedAt: string | null;
}

/** How far an import got. */
export type Progress = Pick<StoredImport, 'processed' | 'imported' | 'updated' | 'duplicates' | 'failed'>;

/** A row of the file that did not become a record. */
export interface RejectedRow {
  readonly row: number;
  readonly code: string;
  readonly message: string;
  readonly cells: readonly string[];
}

/** The tables of imports: what is written in a unit comes as statements. */
@Injectable()
export class ImportStore {
  constructor(
    private readonly database: Database,
    private readonly cipher: SubjectCipher,
  ) {}

  async find(teamId: string, id: string): Promise<StoredImport | null> {
    const [result] = await this.database.runIn({ teamId, userId: null }, [
      {
        name: 'imports:find',
        text: 'SELECT * FROM imports WHERE team_id = $1 AND id = $2',
        values: [teamId, id],
      },
    ]);
    const row = result.rows[0];
    return row ? importOf(row) : null;
  }

  insert(row: StoredImport): Statement {
    return {
      name: 'imports:insert',
      text: `INSERT INTO imports (team_id, id, resource, status, dry_run, match_on, mapping, wrapped, user_id, home_team_id,
          api_key_id, ip_address, user_agent, created_at)
        VALUES ($1, $2, $3, 'queued', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
      values: [
        row.teamId,
        row.id,
        row.resource,
        row.dryRun,
        row.matchOn,
        row.mapping && JSON.stringify(row.mapping),
        row.wrapped,
        row.userId,
        row.homeTeamId,
        row.apiKeyId,
        row.ipAddress,
        row.userAgent,
        row.createdAt,
      ],
    };
  }

  /** Moves the checkpoint; ends the unit when another worker has moved it. */
  advance(before: StoredImport, to: Progress): Statement {
    return {
      name: 'imports:advance',
      text: `WITH w AS (UPDATE imports SET status = 'running', processed = $4, imported = $5, updated = $6, duplicates = $7,
          failed = $8 WHERE team_id = $1 AND id = $2 AND processed = $3 AND finished_at IS NULL RETURNING 1)
        SELECT latchkey.expect_written((SELECT count(*) FROM w))`,
      values: [
        before.teamId,
        before.id,
        before.processed,
        to.processed,
        to.imported,
        to.updated,
        to.duplicates,
        to.failed,
      ],
    };
  }

  finish(before: StoredImport, status: StoredImport['status'], reason: string | null, at: string): Statement {
    return {
      name: 'imports:finish',
      text: `WITH w AS (UPDATE imports SET status = $3, reason = $4, finished_at = $5,
          total = CASE WHEN $3 = 'completed' THEN processed END
          WHERE team_id = $1 AND id = $2 AND finished_at IS NULL RETURNING 1)
        SELECT latchkey.expect_written((SELECT count(*) FROM w))`,
      values: [before.teamId, before.id, status, reason, at],
    };
  }

  keyOf({ teamId, id, wrapped }: Pick<StoredImport, 'teamId' | 'id' | 'wrapped'>): DataKey {
    return this.cipher.unwrap(teamId, id, wrapped);
  }

  /** A new data key for a new import. */
  newKey(teamId: string, id: string): { key: DataKey; wrapped: Buffer } {
    return this.cipher.create(teamId, id);
  }

  chunk(teamId: string, id: string, key: DataKey, kind: ChunkKind, seq: number, text: string): Statement {
    return {
      name: 'imports:chunk',
      text: 'INSERT INTO import_chunks (team_id, import_id, kind, seq, sealed) VALUES ($1, $2, $3, $4, $5)',
      values: [teamId, id, kind, seq, key.seal(text, `import|${kind}|${seq}`)],
    };
  }

  /**
   * Which live record has each of these unique terms; terms that nobody has are left out. For a dry run null stands for
   * the record that an earlier row would have become.
   */
  async holdersOf(
    { teamId, id, dryRun }: StoredImport,
    terms: readonly string[],
  ): Promise<Map<string, string | null>> {
    if (terms.length === 0) return new Map();
    const tokens = await this.cipher.tokens(teamId, terms);
    const statements = [tokenHolders(teamId, tokens), ...(dryRun ? [rehearsed(teamId, id, tokens)] : [])];
    const [live, met] = await this.database.runIn({ teamId, userId: null }, statements);
    const ids = new Map<string, string | null>([
      ...(met?.rows ?? []).map((row) => [row.token as string, null] as const),
      ...live.rows.map((row) => [row.token as string, row.subject_id as string] as const),
    ]);
    return new Map(
      terms.flatMap((term, n) => {
        const holder = ids.get(tokens[n]);
        return holder === undefined ? [] : [[term, holder] as const];
      }),
    );
  }

  /** Keeps for the rows that follow what a dry run would have made. */
  async rehearse({ teamId, id }: StoredImport, terms: readonly string[]): Promise<Statement> {
    return {
      name: 'imports:rehearse',
      text: `INSERT INTO import_rehearsals (team_id, import_id, token) SELECT $1, $2, token FROM unnest($3::uuid[]) token
        ON CONFLICT DO NOTHING`,
      values: [teamId, id, await this.cipher.tokens(teamId, terms)],
    };
  }

  forgetRehearsal({ teamId, id }: StoredImport): Statement {
    return {
      name: 'imports:forget-rehearsal',
      text: 'DELETE FROM import_rehearsals WHERE team_id = $1 AND import_id = $2',
      values: [teamId, id],
    };
  }

  /** Writes outside of a request's unit: what is uploaded belongs to nobody until the import commits. */
  async write(scope: TenantScope, ...statements: Statement[]): Promise<void> {
    await this.database.run([enter(scope, randomUUID()), ...statements]);
  }

  /** Not the file of an import that was committed: after a broken connection only the database knows whether it was. */
  discard(teamId: string, id: string): Statement {
    return {
      name: 'imports:discard',
      text: `DELETE FROM import_chunks WHERE team_id = $1 AND import_id = $2
        AND NOT EXISTS (SELECT FROM imports i WHERE i.team_id = $1 AND i.id = $2)`,
      values: [teamId, id],
    };
  }

  /** The chunks in their order, opened one at a time. */
  async *chunks(stored: StoredImport, kind: ChunkKind): AsyncGenerator<string> {
    const { teamId, id } = stored;
    const key = this.keyOf(stored);
    for (let after = -1; ;) {
      const [result] = await this.database.runIn({ teamId, userId: null }, [
        {
          name: 'imports:next-chunk',
          text: `SELECT seq, sealed FROM import_chunks WHERE team_id = $1 AND import_id = $2 AND kind = $3 AND seq > $4
            ORDER BY seq LIMIT 1`,
          values: [teamId, id, kind, after],
        },
      ]);
      const row = result.rows[0];
      if (!row) return;
      after = row.seq as number;
      yield key.open(row.sealed as Buffer, `import|${kind}|${after}`);
    }
  }

  /** Imports of all teams with parts of a file, or of a dry run's memory, from before this moment. */
  async withOldFiles(before: string, atMost: number): Promise<{ teamId: string; importId: string }[]> {
    const rows = await this.database.runOne({
      name: 'imports:with-old-files',
      text: 'SELECT * FROM latchkey.imports_with_old_files($1, $2)',
      values: [before, atMost],
    });
    return rows.map((row) => ({ teamId: row.team_id as string, importId: row.import_id as string }));
  }

  /** Another worker that was faster ends this one's transaction, and with it its audit row. */
  forgetFiles(teamId: string, importId: string, before: string): Statement {
    return {
      name: 'imports:forget-files',
      text: `WITH gone AS (DELETE FROM import_chunks WHERE team_id = $1 AND import_id = $2 AND created_at < $3 RETURNING 1),
          met AS (DELETE FROM import_rehearsals WHERE team_id = $1 AND import_id = $2 AND created_at < $3 RETURNING 1)
        SELECT latchkey.expect_written((SELECT count(*) FROM gone) + (SELECT count(*) FROM met))`,
      values: [teamId, importId, before],
    };
  }
}

function rehearsed(teamId: string, id: string, tokens: readonly string[]): Statement {
  return {
    name: 'imports:rehearsed',
    text: 'SELECT token FROM import_rehearsals WHERE team_id = $1 AND import_id = $2 AND token = ANY($3::uuid[])',
    values: [teamId, id, tokens],
  };
}

function importOf(row: Row): StoredImport {
  const entries = Object.entries(row).map(([column, value]) => [
    column.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    value,
  ]);
  return Object.fromEntries(entries) as StoredImport;
}
