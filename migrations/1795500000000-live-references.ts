import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Foreign keys accept archived rows; a request must not, so the unit of work asks for a live one. */
export class LiveReferences1795500000000 implements MigrationInterface {
  name = 'LiveReferences1795500000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION latchkey.expect_live(live bigint) RETURNS void
      LANGUAGE plpgsql SET search_path = pg_catalog AS $$
      BEGIN
        IF live = 0 THEN
          RAISE EXCEPTION 'a related record is missing or archived' USING ERRCODE = 'LK010';
        END IF;
      END $$;
      COMMENT ON FUNCTION latchkey.expect_live(bigint) IS
        'Ends the running unit of work when a record it refers to is not there, or is archived.';
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP FUNCTION latchkey.expect_live(bigint)`);
  }
}
