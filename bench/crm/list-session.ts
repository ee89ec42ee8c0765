import type { INestApplicationContext } from '@nestjs/common';
import pg from 'pg';
import { SubjectCipher } from '../../src/platform/crypto/subject-cipher.js';
import type { Statement } from '../../src/platform/database/statement.js';
import { Api } from '../product/api.js';
import { type ListCase, type TeamFacts, termsOf, textOf } from './list-cases.js';
import { madeUpLead } from './made-up-lead.js';
import { type PlanMode, readPlan, type PlanReading } from './plan.js';
import type { SeededTeam, Shape } from './seeded-database.js';
import { WatchedStatements } from './watched-statements.js';

/** A running product on a seeded database. */
export interface ListTarget {
  readonly app: INestApplicationContext;
  readonly port: number;
  readonly shape: Shape;
  /** Of the application's role, as the product's own pool signs in. */
  readonly appUrl: string;
  readonly adminUrl: string;
}

/** One case in one team: what the product sends, and what a person would have written. */
export interface PreparedCase {
  readonly product: Statement;
  readonly byHand: Statement;
}

interface LeadRow {
  readonly id: string;
}

/** Asks the product for lists and keeps a connection of each kind to repeat its statements on. */
export class ListSession {
  private readonly api: Api;
  private readonly watched: WatchedStatements;

  private constructor(
    private readonly target: ListTarget,
    private readonly asApp: pg.Client,
    private readonly asAdmin: pg.Client,
    /** Of its own: what a client has prepared must not be forgotten behind its back. */
    private readonly forPlans: pg.Client,
  ) {
    this.api = new Api(target.port);
    this.watched = new WatchedStatements(target.app);
  }

  static async open(target: ListTarget): Promise<ListSession> {
    const clients = [target.appUrl, target.adminUrl, target.appUrl].map(
      (connectionString) => new pg.Client({ connectionString }),
    );
    for (const client of clients) await client.connect();
    return new ListSession(target, clients[0], clients[1], clients[2]);
  }

  async close(): Promise<void> {
    for (const client of [this.asApp, this.asAdmin, this.forPlans]) await client.end();
  }

  /** @param place of the team in the seed */
  async factsOf(teamId: string, place: number): Promise<TeamFacts> {
    const { id: leadId, createdAt, personal } = leadInTheMiddle(this.target.shape, place);
    const { rows } = await this.asAdmin.query(
      'SELECT mode() WITHIN GROUP (ORDER BY owner_id) AS owner FROM leads WHERE team_id = $1',
      [teamId],
    );
    const person = { phone: String(personal.phone), email: String(personal.email) };
    const terms = termsOf(person);
    const tokens = await this.target.app.get(SubjectCipher).tokens(teamId, Object.values(terms));
    return {
      ...person,
      teamId,
      leadId,
      ownerId: rows[0].owner,
      changedAfter: createdAt,
      createdAfter: createdAt,
      tokens: Object.fromEntries(
        Object.keys(terms).map((name, i) => [name, tokens[i]]),
      ) as TeamFacts['tokens'],
    };
  }

  /** Makes the product run the case, and checks that the query by hand finds the same rows. @throws when it does not */
  async prepare(team: SeededTeam, facts: TeamFacts, wanted: ListCase): Promise<PreparedCase> {
    const before = wanted.deep ? await this.walkTo(facts.leadId, team, wanted.path(facts)) : null;
    const path = before ? withParameter(wanted.path(facts), `cursor=${before.cursor}`) : wanted.path(facts);
    let shown: LeadRow[] = [];
    const product = await this.watched.readOf('leads', async () => {
      const { data } = await this.api.get<LeadRow | LeadRow[]>(path, team.apiKey);
      shown = [data].flat();
    });
    const values = [facts.teamId, ...wanted.byHand.values(facts, before?.lastId ?? '')];
    const byHand = { name: `by-hand:${wanted.name}`, text: textOf(wanted.byHand), values };
    const { rows } = await this.asAdmin.query<LeadRow>({ ...byHand, name: undefined, values: [...values] });
    const ids = rows.slice(0, shown.length).map(({ id }) => id);
    if (shown.length === 0 || ids.join() !== shown.map(({ id }) => id).join())
      throw new Error(`${wanted.name}: the product shows other rows than the query by hand`);
    return { product, byHand };
  }

  readPlan(statement: Statement, mode: PlanMode): Promise<PlanReading> {
    return readPlan(this.forPlans, statement, mode);
  }

  runProduct({ product }: PreparedCase): Promise<unknown> {
    return this.asApp.query({ name: nameOf(product), text: product.text, values: [...product.values] });
  }

  /** As a superuser, so without row level security. */
  runByHand({ byHand }: PreparedCase): Promise<unknown> {
    return this.asAdmin.query({ name: nameOf(byHand), text: byHand.text, values: [...byHand.values] });
  }

  /** Turns pages until the one that passes the lead; lists are ordered by creation. */
  private async walkTo(
    leadId: string,
    team: SeededTeam,
    path: string,
  ): Promise<{ cursor: string; lastId: string }> {
    const isAscending = path.includes('sort=createdAt');
    for (let cursor = ''; ;) {
      const page = withParameter(path, `limit=100${cursor && `&cursor=${cursor}`}`);
      const { data, meta } = await this.api.get<LeadRow[]>(page, team.apiKey);
      const lastId = data.at(-1)?.id ?? '';
      if (!meta?.nextCursor) throw new Error(`${path}: the list ended before its middle`);
      cursor = meta.nextCursor;
      if (isAscending ? lastId > leadId : lastId < leadId) return { cursor, lastId };
    }
  }
}

/** The pool's client prepares a named statement and closes an unnamed one; so does this. */
function nameOf({ name }: Statement): string | undefined {
  return name ?? undefined;
}

function withParameter(path: string, parameter: string): string {
  return `${path}${path.includes('?') ? '&' : '?'}${parameter}`;
}

/** A live lead of the team with an e-mail address, half-way through the seed. */
function leadInTheMiddle({ teams, leads }: Shape, place: number) {
  for (let number = Math.floor(leads / teams / 2) * teams + place; ; number += teams) {
    const lead = madeUpLead(number, leads);
    if (lead.archivedAt === null && lead.personal.email !== null) return lead;
  }
}
