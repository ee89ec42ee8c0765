import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.js';
import { Database, enter } from '../../platform/database/database.js';
import { isPgError, SQLSTATE } from '../../platform/database/database-errors.js';
import { Jobs } from '../../platform/jobs/jobs.service.js';
import { Log } from '../../platform/logging/log.js';
import { Mailer } from '../../platform/mail/mailer.service.js';
import { digestMail, digestMessage } from './alert-messages.js';
import { AlertSettingsStore } from './alert-settings-store.js';
import { AlertWebhooks } from './alert-webhooks.js';
import { digestOf, digestStatements } from './digest.js';

const DAY_MS = 86_400_000;
const TEAMS_PER_PAGE = 100;
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/** Sends each team that wants it a summary of the day before, at most once however many instances there are. */
@Injectable()
export class DailyDigest {
  constructor(
    private readonly database: Database,
    private readonly settings: AlertSettingsStore,
    private readonly webhooks: AlertWebhooks,
    private readonly mailer: Mailer,
    private readonly clock: Clock,
    private readonly log: Log,
    jobs: Jobs,
  ) {
    jobs.every('alert-digest', DAY_MS / 1000, () => this.run(), { timeoutSeconds: 600 });
  }

  /** @throws when a team could not be served, so that the job tries again; the others are not told twice */
  async run(): Promise<void> {
    let failed = 0;
    for (let after = FIRST_ID; ;) {
      const teams = await this.database.runOne({
        name: 'digest:teams',
        text: 'SELECT id FROM latchkey.teams_with_digest($1, $2) id',
        values: [after, TEAMS_PER_PAGE],
      });
      for (const { id } of teams) {
        await this.sendTo(id as string).catch((error: unknown) => {
          failed++;
          this.log.error({ err: error, teamId: id }, 'a digest could not be sent');
        });
      }
      const last = teams.at(-1);
      if (!last || teams.length < TEAMS_PER_PAGE) break;
      after = last.id as string;
    }
    if (failed > 0) throw new Error(`${failed} digests could not be sent`);
  }

  private async sendTo(teamId: string): Promise<void> {
    const { emails, webhook } = await this.settings.load(teamId);
    if (emails.length === 0 && webhook === null) return;
    const untilMs = Math.floor(this.clock.nowMs() / DAY_MS) * DAY_MS;
    const [from, until] = [new Date(untilMs - DAY_MS).toISOString(), new Date(untilMs).toISOString()];
    const day = from.slice(0, 10);
    const results = await this.database.runIn(
      { teamId, userId: null },
      digestStatements(teamId, from, until),
    );
    const digest = digestOf(day, until, results[0].rows, results[1].rows);
    const content = digestMail(digest);
    // The mark and what it stands for are one transaction: a second one for this day fails as a whole.
    await this.database
      .run([
        enter({ teamId, userId: null }, randomUUID()),
        {
          name: 'digest:mark',
          text: 'INSERT INTO alert_digests (team_id, day) VALUES ($1, $2)',
          values: [teamId, day],
        },
        {
          name: 'digest:forget',
          text: `DELETE FROM alert_digests WHERE team_id = $1 AND day < $2::date - 30`,
          values: [teamId, day],
        },
        ...emails.map((to) => this.mailer.send({ to, content })),
        ...(webhook === null ? [] : [this.webhooks.send(teamId, digestMessage(teamId, digest))]),
      ])
      .catch((error: unknown) => {
        if (!isPgError(error) || error.code !== SQLSTATE.uniqueViolation) throw error;
      });
  }
}
