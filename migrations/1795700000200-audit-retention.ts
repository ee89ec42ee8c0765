import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ownByLookup } from './support/lookup-function.js';
import { protectTeamTable } from './support/team-table.js';

/**
 * What is left of months whose partition was removed. The application may read it; the owner alone adds to it and
 * drops partitions, through a function that refuses a month for which a team's signed checkpoint is missing.
 */
export class AuditRetention1795700000200 implements MigrationInterface {
  name = 'AuditRetention1795700000200';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE audit_checkpoint (
        team_id uuid NOT NULL,
        id uuid NOT NULL,
        month date NOT NULL CHECK (extract(day FROM month) = 1),
        rows bigint NOT NULL CHECK (rows > 0),
        last_seq bigint NOT NULL CHECK (last_seq >= 0),
        last_root bytea NOT NULL CHECK (length(last_root) = 32),
        other_ids uuid[] NOT NULL,
        removed_at timestamptz(3) NOT NULL,
        removed_by text NOT NULL CHECK (length(removed_by) BETWEEN 1 AND 200),
        reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
        key_id text NOT NULL,
        signature bytea NOT NULL CHECK (length(signature) = 64),
        PRIMARY KEY (team_id, id),
        UNIQUE (team_id, month)
      );
    `);
    await protectTeamTable(runner, 'audit_checkpoint', []);
    await runner.query(`
      CREATE TRIGGER audit_checkpoint_immutable BEFORE UPDATE OR DELETE ON audit_checkpoint
        FOR EACH ROW EXECUTE FUNCTION latchkey.refuse_history_change();
      CREATE TRIGGER audit_checkpoint_kept BEFORE TRUNCATE ON audit_checkpoint
        FOR EACH STATEMENT EXECUTE FUNCTION latchkey.refuse_history_change();
      GRANT SELECT ON audit_checkpoint TO latchkey_lookup;
      CREATE POLICY audit_checkpoint_all ON audit_checkpoint FOR SELECT TO latchkey_lookup USING (true);
    `);
    await this.createDropping(runner);
    await this.createKeyQuestion(runner);
  }

  /** With the rights of whoever calls it, so that nobody but the owner gets anywhere. */
  private async createDropping(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION latchkey.drop_audit_partition(first date) RETURNS void
      LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
      DECLARE part text := 'audit_log_' || to_char(first, 'YYYY_MM'); uncovered bigint;
      BEGIN
        IF first >= date_trunc('month', now() AT TIME ZONE 'UTC') - interval '12 months' THEN
          RAISE EXCEPTION 'the last twelve months of the audit log are kept' USING ERRCODE = 'LK003';
        END IF;
        EXECUTE format('SELECT count(*) FROM (SELECT team_id, count(*) AS rows FROM public.%I GROUP BY team_id
          EXCEPT SELECT team_id, rows FROM public.audit_checkpoint WHERE month = %L) bare', part, first) INTO uncovered;
        IF uncovered > 0 THEN
          RAISE EXCEPTION 'a team has no checkpoint of this month' USING ERRCODE = 'LK003';
        END IF;
        EXECUTE format('DROP TABLE public.%I', part);
      END $$;
      REVOKE ALL ON FUNCTION latchkey.drop_audit_partition(date) FROM PUBLIC;
    `);
  }

  /** Asked by the sealer at a change of keys: did this key sign before and was left? */
  private async createKeyQuestion(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION latchkey.audit_key_signed(teams uuid[], key text) RETURNS boolean
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT EXISTS (SELECT FROM public.audit_seal s WHERE s.team_id = ANY (teams) AND s.key_id = key)
      $$;
    `);
    await ownByLookup(runner, 'latchkey.audit_key_signed(uuid[], text)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION latchkey.audit_key_signed(uuid[], text);
      DROP FUNCTION latchkey.drop_audit_partition(date);
      DROP TABLE audit_checkpoint;
    `);
  }
}
