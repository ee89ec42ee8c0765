import { Injectable } from '@nestjs/common';
import { newId } from '../../platform/crypto/new-id.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import { SubjectCipher } from '../../platform/crypto/subject-cipher.js';
import type { RecordedChange } from '../../platform/database/change-recorder.js';
import { become, Database } from '../../platform/database/database.js';
import { isPgError, SQLSTATE, StaleWriteError } from '../../platform/database/database-errors.js';
import type { Statement } from '../../platform/database/statement.js';

interface Home {
  readonly name: string;
  readonly defaultRegion: string;
  readonly sandboxId: string | null;
}

/** Gives a team its sandbox: the shadow team in which its test keys work. */
@Injectable()
export class SandboxTeams {
  constructor(
    private readonly database: Database,
    private readonly cipher: SubjectCipher,
  ) {}

  /** Stages the caller's sandbox unless it exists, and completes the mirror of its members. */
  async ensure(context: RequestContext): Promise<void> {
    const { teamId } = context.principal;
    const home = await this.homeOf(teamId);
    const sandboxId = home.sandboxId ?? newId();
    if (home.sandboxId === null) this.stageTeam(context, teamId, sandboxId, home);
    context.work.stage({
      statement: {
        name: 'sandbox:members',
        text: 'SELECT latchkey.mirror_members($1)',
        values: [sandboxId],
      },
      change: null,
    });
  }

  private async homeOf(teamId: string): Promise<Home> {
    const [result] = await this.database.runIn({ teamId, userId: null }, [
      {
        name: 'sandbox:home',
        text: `SELECT t.name, t.default_region, s.id AS sandbox_id FROM teams t LEFT JOIN teams s ON s.sandbox_of = t.id WHERE t.id = $1`,
        values: [teamId],
      },
    ]);
    const row = result?.rows[0];
    if (!row) throw new Error('the caller’s team does not exist');
    return {
      name: row.name as string,
      defaultRegion: row.default_region as string,
      sandboxId: row.sandbox_id as string | null,
    };
  }

  /** The rows belong to the sandbox, so the transaction becomes its tenant for them and returns. */
  private stageTeam(context: RequestContext, teamId: string, sandboxId: string, home: Home): void {
    const key = this.cipher.create(sandboxId, sandboxId);
    const change: RecordedChange = {
      id: newId(),
      action: 'CREATE',
      resourceType: 'sandbox',
      resourceId: sandboxId,
      oldValues: null,
      newValues: { sandboxOf: teamId },
      sealed: null,
    };
    const insertTeam: Statement = {
      name: 'sandbox:team',
      text: 'INSERT INTO teams (id, name, default_region, sandbox_of) VALUES ($1, $2, $3, $4)',
      values: [sandboxId, home.name, home.defaultRegion, teamId],
    };
    const insertKey: Statement = {
      name: 'sandbox:index-key',
      text: `INSERT INTO data_keys (team_id, subject_id, subject_type, wrapped, master_key_id) VALUES ($1, $1, 'teams', $2, $3)`,
      values: [sandboxId, key.wrapped, key.masterKeyId],
    };
    context.work.stage({ statement: become(sandboxId), change: null });
    context.work.stage({ statement: insertTeam, change, explain: madeMeanwhile });
    context.work.stage({ statement: insertKey, change: null });
    context.work.stage({ statement: become(teamId), change: null });
  }
}

/** Two first test keys at the same moment: the second starts again and finds the sandbox. */
function madeMeanwhile(error: Error): Error | null {
  const meanwhile =
    isPgError(error) && error.code === SQLSTATE.uniqueViolation && error.constraint === 'teams_one_sandbox';
  return meanwhile ? new StaleWriteError() : null;
}
