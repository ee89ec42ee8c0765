import type { QueryRunner } from 'typeorm';

/**
 * The team of the statement that is running, or null. The two-argument form matters: the planner evaluates
 * the expression too, at times when nothing is set, and the one-argument form would raise there.
 */
export const CURRENT_TEAM = `nullif(current_setting('app.team_id', true), '')::uuid`;

/** The user of the statement that is running, or null. */
export const CURRENT_USER_ID = `nullif(current_setting('app.user_id', true), '')::uuid`;

/** True only inside a unit of work: a write that goes around it is refused by the table itself. */
export const IN_UNIT_OF_WORK = `coalesce(current_setting('app.unit_of_work', true), '') <> ''`;

/** What the application role may do with a table, beside SELECT. */
export type Grant = 'INSERT' | 'UPDATE' | 'DELETE';

/**
 * Binds a table with a `team_id` to the team of the running statement: forced row level security, so that the
 * owner is bound as well, one policy per command, and only the named grants for the application role.
 */
export async function protectTeamTable(runner: QueryRunner, table: string, grants: Grant[]): Promise<void> {
  await protectTable(runner, table, `team_id = ${CURRENT_TEAM}`, grants);
}

/** The same for a table whose rows are chosen by another condition than `team_id`. */
export async function protectTable(
  runner: QueryRunner,
  table: string,
  condition: string,
  grants: Grant[],
): Promise<void> {
  await runner.query(`
    ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
    ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;
    CREATE POLICY ${table}_read ON ${table} FOR SELECT USING (${condition});
    CREATE POLICY ${table}_insert ON ${table} FOR INSERT WITH CHECK (${condition} AND ${IN_UNIT_OF_WORK});
    CREATE POLICY ${table}_update ON ${table} FOR UPDATE USING (${condition}) WITH CHECK (${condition} AND ${IN_UNIT_OF_WORK});
    CREATE POLICY ${table}_delete ON ${table} FOR DELETE USING (${condition} AND ${IN_UNIT_OF_WORK});
    GRANT ${['SELECT', ...grants].join(', ')} ON ${table} TO latchkey_app;
  `);
}
