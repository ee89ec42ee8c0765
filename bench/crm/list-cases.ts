import { FREQUENT_FIRST_NAME } from './made-up-lead.js';

/** What the queries are about in one team. */
export interface TeamFacts {
  readonly teamId: string;
  readonly ownerId: string;
  /** A live lead in the middle. */
  readonly leadId: string;
  readonly phone: string;
  readonly email: string;
  readonly changedAfter: string;
  readonly createdAfter: string;
  /** Search tokens of {@link termsOf}. */
  readonly tokens: Readonly<ReturnType<typeof termsOf>>;
}

/** Terms by which the cases search. */
export function termsOf(person: { phone: string; email: string }) {
  return {
    name: `leads.name|${FREQUENT_FIRST_NAME.toLowerCase()}`,
    phone: `leads.phone|${person.phone}`,
    email: `leads.email|${person.email}`,
  };
}

/** The query that a person would write for the same page; `$1` is the team. */
export interface ByHand {
  readonly from?: string;
  readonly where: string;
  readonly order?: string;
  /** Parameters from `$2` on; `lastId` is the last row before the page, for cases that go deep. */
  readonly values: (facts: TeamFacts, lastId: string) => readonly unknown[];
}

export interface ListCase {
  readonly name: string;
  /** Path of the request. */
  readonly path: (facts: TeamFacts) => string;
  /** The page is the one in the middle of the list, not the first. */
  readonly deep?: boolean;
  readonly byHand: ByHand;
}

const LEADS = '/v1/leads';
const SEARCH = 'blind_index b JOIN leads t ON t.team_id = b.team_id AND t.id = b.subject_id';
const FOUND = 'b.team_id = $1 AND b.token = $2';
const BY_WORD = `${LEADS}?q=${FREQUENT_FIRST_NAME}`;
const query = (name: string, value: string): string => `${LEADS}?${name}=${encodeURIComponent(value)}`;

const filtered = (name: string, column: string, value: string): ListCase => ({
  name: `by ${name} ${value}`,
  path: () => query(name, value),
  byHand: { where: `t.team_id = $1 AND t.${column} = $2`, values: () => [value] },
});

/** The lists, filters, searches and look-ups of leads that a brokerage waits for all day. */
export const LIST_CASES: readonly ListCase[] = [
  { name: 'the first page', path: () => LEADS, byHand: { where: 't.team_id = $1', values: () => [] } },
  filtered('leadStatus', 'lead_status', 'new'),
  filtered('leadStatus', 'lead_status', 'converted'),
  filtered('leadType', 'lead_type', 'buyer'),
  filtered('leadType', 'lead_type', 'investor'),
  filtered('source', 'source', 'referral'),
  {
    name: 'by owner',
    path: ({ ownerId }) => query('ownerId', ownerId),
    byHand: { where: 't.team_id = $1 AND t.owner_id = $2', values: ({ ownerId }) => [ownerId] },
  },
  {
    name: 'of what changed',
    path: ({ changedAfter }) => query('updatedAfter', changedAfter),
    byHand: {
      where: 't.team_id = $1 AND t.updated_at > $2',
      order: 't.updated_at, t.id',
      values: ({ changedAfter }) => [changedAfter],
    },
  },
  {
    name: 'of what is new',
    path: ({ createdAfter }) => query('createdAfter', createdAfter),
    byHand: {
      where: 't.team_id = $1 AND t.created_at > $2',
      values: ({ createdAfter }) => [createdAfter],
    },
  },
  {
    name: 'by status, of what is new',
    path: ({ createdAfter }) => `${query('createdAfter', createdAfter)}&leadStatus=contacted`,
    byHand: {
      where: `t.team_id = $1 AND t.lead_status = 'contacted' AND t.created_at > $2`,
      values: ({ createdAfter }) => [createdAfter],
    },
  },
  {
    name: 'by a word of the name',
    path: () => BY_WORD,
    byHand: { from: SEARCH, where: FOUND, order: 'b.subject_id DESC', values: ({ tokens }) => [tokens.name] },
  },
  {
    name: 'by exact phone',
    path: ({ phone }) => query('phone', phone),
    byHand: { from: SEARCH, where: FOUND, values: ({ tokens }) => [tokens.phone] },
  },
  {
    name: 'by exact e-mail',
    path: ({ email }) => query('email', email),
    byHand: { from: SEARCH, where: FOUND, values: ({ tokens }) => [tokens.email] },
  },
  {
    name: 'deep in the list',
    path: () => LEADS,
    deep: true,
    byHand: { where: 't.team_id = $1 AND t.id < $2', values: (_, lastId) => [lastId] },
  },
  {
    name: 'deep in the list, oldest first',
    path: () => `${LEADS}?sort=createdAt`,
    deep: true,
    byHand: { where: 't.team_id = $1 AND t.id > $2', order: 't.id', values: (_, lastId) => [lastId] },
  },
  {
    name: 'deep in a status',
    path: () => query('leadStatus', 'contacted'),
    deep: true,
    byHand: {
      where: `t.team_id = $1 AND t.lead_status = 'contacted' AND t.id < $2`,
      values: (_, lastId) => [lastId],
    },
  },
  {
    name: 'deep in a search',
    path: () => BY_WORD,
    deep: true,
    byHand: {
      from: SEARCH,
      where: `${FOUND} AND b.subject_id < $3`,
      order: 'b.subject_id DESC',
      values: ({ tokens }, lastId) => [tokens.name, lastId],
    },
  },
  {
    name: 'one lead',
    path: ({ leadId }) => `${LEADS}/${leadId}`,
    byHand: { where: 't.team_id = $1 AND t.id = $2', values: ({ leadId }) => [leadId] },
  },
];

/** The text of a query by hand: it fetches what the product fetches. */
export function textOf({ from = 'leads t', where, order = 't.id DESC' }: ByHand): string {
  return `SELECT t.*, (SELECT k.wrapped FROM data_keys k WHERE k.team_id = t.team_id AND k.subject_id = t.id) AS wrapped
    FROM ${from} WHERE ${where} AND t.archived_at IS NULL ORDER BY ${order} LIMIT 51`;
}
