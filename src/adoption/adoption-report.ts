/** What became of the records of one table. */
export interface TableReport {
  /** Of a team that is gone, now of the team that was named. */
  adopted: number;
  /** Lost an owner who is no member of the team. */
  unassigned: number;
  /** References to records that the team does not have, now empty. */
  unlinked: number;
  readonly left: LeftRecord[];
}

/** A record that could not be adopted and stays as it is. */
export interface LeftRecord {
  readonly id: string;
  readonly teamId: string;
  readonly reason: 'unreadable' | 'taken';
}

export type AdoptionReport = ReadonlyMap<string, TableReport>;

const REASONS = {
  unreadable: 'its personal data does not open with the configured master keys',
  taken: 'the team has a record of this id or number',
};

/** More are counted, not listed. */
const MAX_LISTED = 20;

/** The report as lines for a terminal: ids and counts, never a person's data. */
export function reportLines(report: AdoptionReport): string[] {
  return [...report].flatMap(([table, { adopted, unassigned, unlinked, left }]) => [
    `${table}: ${adopted} adopted, ${unassigned} without an owner now, ${unlinked} references emptied, ${left.length} left`,
    ...left
      .slice(0, MAX_LISTED)
      .map(({ id, teamId, reason }) => `  left: ${id} of team ${teamId}: ${REASONS[reason]}`),
  ]);
}
