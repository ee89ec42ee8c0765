import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The two roles that own nothing: `latchkey_app` carries the application's grants (the login role of
 * `DATABASE_URL` is a member of it), `latchkey_lookup` owns the few functions that run before a team is known.
 * Roles belong to the whole server, so a second database on it finds them made; `down` leaves them.
 */
export class Roles1795100000000 implements MigrationInterface {
  name = 'Roles1795100000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DO $$
      DECLARE role_name text;
      BEGIN
        FOREACH role_name IN ARRAY ARRAY['latchkey_app', 'latchkey_lookup'] LOOP
          IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            BEGIN
              EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS', role_name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
            END;
          END IF;
        END LOOP;
        IF NOT pg_has_role(current_user, 'latchkey_lookup', 'USAGE') THEN
          EXECUTE format('GRANT latchkey_lookup TO %I', current_user);
        END IF;
      END $$;
      CREATE SCHEMA latchkey;
      REVOKE CREATE ON SCHEMA public FROM PUBLIC;
      GRANT USAGE ON SCHEMA public, latchkey TO latchkey_app, latchkey_lookup;
    `);
    await runner.query(`
      CREATE FUNCTION latchkey.expect_written(written bigint) RETURNS void
      LANGUAGE plpgsql SET search_path = pg_catalog AS $$
      BEGIN
        IF written = 0 THEN
          RAISE EXCEPTION 'the row changed since it was read' USING ERRCODE = 'LK001';
        END IF;
      END $$;
      COMMENT ON FUNCTION latchkey.expect_written(bigint) IS
        'Ends the running unit of work when an update met no row: somebody else was faster.';

      CREATE FUNCTION latchkey.refuse_duplicates(ids uuid[]) RETURNS void
      LANGUAGE plpgsql SET search_path = pg_catalog AS $$
      BEGIN
        IF cardinality(ids) > 0 THEN
          RAISE EXCEPTION 'duplicate' USING ERRCODE = 'LK002', DETAIL = array_to_string(ids, ',');
        END IF;
      END $$;
      COMMENT ON FUNCTION latchkey.refuse_duplicates(uuid[]) IS
        'Ends the running unit of work when other live records carry the same e-mail or phone.';
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP SCHEMA latchkey CASCADE`);
  }
}
