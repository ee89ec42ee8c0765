import type { Row } from '../../platform/database/statement.js';
import type { Statement } from '../../platform/database/statement.js';
import { firstIdOf } from '../../platform/database/list-query.js';
import type { Severity } from '../security-events/event-types.js';

const TOP_ADDRESSES = 10;

/** A day of a team in numbers. Nobody is named in it. */
export interface Digest {
  /** `2026-11-20`, UTC. */
  readonly day: string;
  /** ISO 8601, exclusive. */
  readonly until: string;
  readonly total: number;
  readonly bySeverity: Readonly<Record<Severity, number>>;
  /** Most frequent first. */
  readonly byType: readonly { readonly type: string; readonly count: number }[];
  /** The ten addresses with most events. */
  readonly topAddresses: readonly { readonly address: string; readonly count: number }[];
}

/** The statements whose rows {@link digestOf} takes, in their order. Id and time of an event come from one clock. */
export function digestStatements(teamId: string, from: string, until: string): Statement[] {
  const values = [teamId, firstIdOf(from), firstIdOf(until)];
  const ofDay = 'e.team_id = $1::uuid AND e.id >= $2::uuid AND e.id < $3::uuid';
  return [
    {
      name: 'digest:types',
      text: `SELECT e.type, e.severity, sum(e.count)::bigint AS count FROM security_events e WHERE ${ofDay} GROUP BY 1, 2`,
      values,
    },
    {
      name: 'digest:addresses',
      text: `SELECT host(e.ip_address) AS address, sum(e.count)::bigint AS count FROM security_events e
        WHERE ${ofDay} AND e.ip_address IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ${TOP_ADDRESSES}`,
      values,
    },
  ];
}

export function digestOf(
  day: string,
  until: string,
  types: readonly Row[],
  addresses: readonly Row[],
): Digest {
  const bySeverity = { critical: 0, high: 0, medium: 0, low: 0 };
  const byType = new Map<string, number>();
  for (const { type, severity, count } of types) {
    bySeverity[severity as Severity] += Number(count);
    byType.set(type as string, (byType.get(type as string) ?? 0) + Number(count));
  }
  return {
    day,
    until,
    total: Object.values(bySeverity).reduce((sum, count) => sum + count, 0),
    bySeverity,
    byType: [...byType].map(([type, count]) => ({ type, count })).sort((a, b) => b.count - a.count),
    topAddresses: addresses.map(({ address, count }) => ({
      address: address as string,
      count: Number(count),
    })),
  };
}
