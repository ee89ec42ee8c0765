import { CHANGE_ACTIONS } from '../../platform/database/change-recorder.js';
import { firstIdOf, Parameters } from '../../platform/database/list-query.js';
import type { Statement } from '../../platform/database/statement.js';
import { inTenant } from '../../platform/database/tenant-read.js';
import type { AuditQueryDto } from './dto/audit-query.dto.js';

/** Ids are made on the instances, the time of a row by the database; clocks may differ by this much. */
const CLOCK_SKEW_MS = 3_600_000;

/** The times of a batch lead to it: the first one that ends at or after the row is nearly always the right one. */
const SEAL_OF_ROW = `SELECT s.seq, s.sealed_at FROM audit_seal s WHERE s.team_id = a.team_id AND s.last_created_at >= a.created_at
  AND s.first_created_at <= a.created_at AND a.id = ANY (s.ids) ORDER BY s.last_created_at LIMIT 1`;

const ACTIONS = `VALUES ${CHANGE_ACTIONS.map((action) => `('${action}')`).join(', ')}`;

/**
 * The rows of a team that a query asks for, newest first and one more than a page, with their seals and the keys of their subjects. Each
 * filter alone goes along an index that was made for it; a kind and an action go along one together (docs/decisions/0033-audit-log-by-action-and-kind.md).
 * @param position the id before which the page begins
 */
export function auditSearch(teamId: string, query: AuditQueryDto, position: string | null): Statement {
  const parameters = new Parameters();
  const own = [`a.team_id = ${parameters.add(teamId)}::uuid`, 'x.team IS NOT NULL'];
  const search = { query, parameters, own, ...boundsOf(query, position, parameters) };
  const limit = parameters.add(query.limit + 1);
  const text = inTenant(`SELECT a.*, k.wrapped, seal.seq AS seal_seq, seal.sealed_at
    FROM (SELECT a.* FROM (${wayOf({ ...search, limit })}) a ORDER BY a.id DESC LIMIT ${limit}) a
    LEFT JOIN LATERAL (SELECT k.wrapped FROM data_keys k
          WHERE k.team_id = a.team_id AND k.subject_id = a.resource_id LIMIT 1) k ON true
    LEFT JOIN LATERAL (${SEAL_OF_ROW}) seal ON true
    ORDER BY a.id DESC`);
  return { name: null, text, values: parameters.values };
}

interface Bounds {
  /** Conditions on the time of a row. */
  readonly times: readonly string[];
  /** The lowest id that a row may have, and the one that all are below. */
  readonly since: string | null;
  readonly until: string | null;
}

interface Search extends Bounds {
  readonly query: AuditQueryDto;
  readonly parameters: Parameters;
  /** The tenant. */
  readonly own: readonly string[];
  readonly limit: string;
}

function boundsOf(query: AuditQueryDto, position: string | null, parameters: Parameters): Bounds {
  const times: string[] = [];
  if (query.from) times.push(`a.created_at >= ${parameters.add(query.from)}`);
  if (query.to) times.push(`a.created_at < ${parameters.add(query.to)}`);
  const since = query.from ? firstIdOf(shifted(query.from, -CLOCK_SKEW_MS)) : null;
  // A page that goes on from a row of this search is below its end already.
  const until = position ?? (query.to ? firstIdOf(shifted(query.to, CLOCK_SKEW_MS)) : null);
  return { times, since, until };
}

function wayOf(search: Search): string {
  const { query } = search;
  if (query.resourceId !== undefined) return byFew(search, 'resource_id');
  if (query.requestId !== undefined) return byFew(search, 'request_id');
  const isBySomebody = query.userId !== undefined || query.apiKeyId !== undefined;
  if (isBySomebody || (query.resourceType === undefined && query.action === undefined))
    return rowsWhere([...within(search), ...equal(search)]);
  return byKind(search);
}

/**
 * One record or request has few rows: nothing else may lead to them. Where the log has no statistics yet (a new month, a restored
 * database) all indexes look alike, and a history would read every row of its kind.
 */
function byFew(search: Search, leading: 'resource_id' | 'request_id'): string {
  const others = equal(search, leading).map((condition) => `(${condition}) IS TRUE`);
  const found = `a.${leading} = ${search.parameters.add(search.query[COLUMNS[leading]])}`;
  return rowsWhere([...within(search), found, ...others]);
}

/**
 * By action and kind of record. Where one of the two is not given, each of its values is sought by itself, so that rows without what is asked for
 * are never read, however many there are. The order by kind, which all rows of one search share, keeps PostgreSQL from the primary key, which it
 * would take in the belief that two frequent values are often met together; with a bound of the id, both are compared as a row, which ends the scan there.
 */
function byKind(search: Search): string {
  const { query, parameters, own, times, since, until, limit } = search;
  const action = query.action === undefined ? null : `${parameters.add(query.action)}::text`;
  const kind = query.resourceType === undefined ? null : `${parameters.add(query.resourceType)}::text`;
  const range = [
    since === null
      ? 'a.resource_type >= v.kind'
      : `(a.resource_type, a.id) >= (v.kind, ${parameters.add(since)}::uuid)`,
    until === null
      ? 'a.resource_type <= v.kind'
      : `(a.resource_type, a.id) < (v.kind, ${parameters.add(until)}::uuid)`,
  ];
  const sought = [...own, ...times, 'a.action = v.action', ...range];
  return `SELECT a.* FROM (${pairs(search.own, action, kind)}) v (action, kind)
    CROSS JOIN LATERAL (${rowsWhere(sought)} ORDER BY a.resource_type DESC, a.id DESC LIMIT ${limit}) a`;
}

/** Each action with each kind that the search is for; of the kinds that the team has of an action one leads to the next. */
function pairs(own: readonly string[], action: string | null, kind: string | null): string {
  if (kind !== null)
    return action === null
      ? `SELECT w.action, ${kind} FROM (${ACTIONS}) w (action)`
      : `VALUES (${action}, ${kind})`;
  const kindsWhere = (conditions: readonly string[]): string =>
    `SELECT a.resource_type AS kind FROM audit_log a WHERE ${[...own, `a.action = ${action}`, ...conditions].join(' AND ')}
      ORDER BY a.resource_type LIMIT 1`;
  return `WITH RECURSIVE kinds AS ((${kindsWhere([])}) UNION ALL
      SELECT n.kind FROM kinds CROSS JOIN LATERAL (${kindsWhere(['a.resource_type > kinds.kind'])}) n)
    SELECT ${action}, kind FROM kinds`;
}

const COLUMNS = {
  resource_type: 'resourceType',
  resource_id: 'resourceId',
  user_id: 'userId',
  api_key_id: 'apiKeyId',
  action: 'action',
  request_id: 'requestId',
} as const;

/** What the query asks for, of this column too or not. */
function equal({ query, parameters }: Search, without?: keyof typeof COLUMNS): string[] {
  const conditions: string[] = [];
  for (const [column, filter] of Object.entries(COLUMNS)) {
    const value = query[filter];
    if (value !== undefined && column !== without) conditions.push(`a.${column} = ${parameters.add(value)}`);
  }
  return conditions;
}

/** Bounds of ids only where there are some: one that excludes nothing would still lead to the primary key. */
function within({ own, times, since, until, parameters }: Search): string[] {
  const conditions = [...own, ...times];
  if (since !== null) conditions.push(`a.id >= ${parameters.add(since)}::uuid`);
  if (until !== null) conditions.push(`a.id < ${parameters.add(until)}::uuid`);
  return conditions;
}

function rowsWhere(conditions: readonly string[]): string {
  return `SELECT a.* FROM audit_log a WHERE ${conditions.join(' AND ')}`;
}

function shifted(isoTime: string, byMs: number): string {
  return new Date(Date.parse(isoTime) + byMs).toISOString();
}
