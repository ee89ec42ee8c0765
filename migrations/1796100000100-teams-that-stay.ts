import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = ['clients', 'leads', 'appointments', 'listings', 'escrows'];

/**
 * Every new record locked the row of its team, to be sure that the team is there until the record is; writers of one team so wrote
 * lists of each other into it (multixacts), which cost more than any index of the record. The other way round it costs nothing: a team is
 * there for good, because nobody may delete or rename its row.
 */
export class TeamsThatStay1796100000100 implements MigrationInterface {
  name = 'TeamsThatStay1796100000100';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION latchkey.refuse_losing_teams() RETURNS trigger
      LANGUAGE plpgsql SET search_path = pg_catalog AS $$
      BEGIN
        RAISE EXCEPTION 'a team stays: records and the audit log name it' USING ERRCODE = 'foreign_key_violation';
      END $$;
      CREATE TRIGGER teams_stay BEFORE DELETE OR TRUNCATE ON teams
        FOR EACH STATEMENT EXECUTE FUNCTION latchkey.refuse_losing_teams();
      CREATE TRIGGER teams_keep_their_id BEFORE UPDATE OF id ON teams
        FOR EACH STATEMENT EXECUTE FUNCTION latchkey.refuse_losing_teams();
    `);
    for (const table of TABLES)
      await runner.query(`ALTER TABLE ${table} DROP CONSTRAINT ${table}_team_id_fkey`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TABLES)
      await runner.query(`ALTER TABLE ${table} ADD FOREIGN KEY (team_id) REFERENCES teams (id)`);
    await runner.query(`
      DROP TRIGGER teams_keep_their_id ON teams;
      DROP TRIGGER teams_stay ON teams;
      DROP FUNCTION latchkey.refuse_losing_teams();
    `);
  }
}
