import type { MigrationInterface, QueryRunner } from 'typeorm';
import { protectTeamTable } from './support/team-table.js';

/** Who changed what: insert-only, refused to everybody else by trigger, partitioned by month. */
export class AuditLog1795100005000 implements MigrationInterface {
  name = 'AuditLog1795100005000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE audit_log (
        team_id uuid NOT NULL,
        id uuid NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        action text NOT NULL CHECK (action IN ('CREATE', 'UPDATE', 'DELETE')),
        resource_type text NOT NULL,
        resource_id uuid NOT NULL,
        user_id uuid,
        api_key_id uuid,
        auth_method text NOT NULL,
        old_values jsonb,
        new_values jsonb,
        sealed bytea,
        ip_address inet,
        user_agent text,
        request_id text NOT NULL,
        PRIMARY KEY (team_id, id, created_at)
      ) PARTITION BY RANGE (created_at);
      CREATE TABLE audit_log_default PARTITION OF audit_log DEFAULT;
      CREATE INDEX audit_log_by_resource ON audit_log (team_id, resource_id, id);
      CREATE INDEX audit_log_by_user ON audit_log (team_id, user_id, id) WHERE user_id IS NOT NULL;
      CREATE INDEX audit_log_by_api_key ON audit_log (team_id, api_key_id, id) WHERE api_key_id IS NOT NULL;
    `);
    await this.makePartitions(runner);
    await protectTeamTable(runner, 'audit_log', ['INSERT']);
    await runner.query(`
      CREATE FUNCTION latchkey.refuse_history_change() RETURNS trigger
      LANGUAGE plpgsql SET search_path = pg_catalog AS $$
      BEGIN
        RAISE EXCEPTION 'the audit log cannot be changed' USING ERRCODE = 'LK003';
      END $$;
      CREATE TRIGGER audit_log_immutable BEFORE UPDATE OR DELETE ON audit_log
        FOR EACH ROW EXECUTE FUNCTION latchkey.refuse_history_change();
      CREATE TRIGGER audit_log_kept BEFORE TRUNCATE ON audit_log
        FOR EACH STATEMENT EXECUTE FUNCTION latchkey.refuse_history_change();
    `);
  }

  /** This month and the twelve that follow; the default partition catches what a stopped job did not prepare. */
  private async makePartitions(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION latchkey.make_audit_partitions(months integer) RETURNS void
      LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
      DECLARE first date; part text;
      BEGIN
        FOR ahead IN 0..months LOOP
          first := (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead))::date;
          part := 'audit_log_' || to_char(first, 'YYYY_MM');
          IF to_regclass('public.' || part) IS NULL THEN
            EXECUTE format('CREATE TABLE public.%I PARTITION OF public.audit_log FOR VALUES FROM (%L) TO (%L)',
              part, first::text || ' 00:00:00+00', (first + interval '1 month')::date::text || ' 00:00:00+00');
          END IF;
        END LOOP;
      END $$;
      REVOKE ALL ON FUNCTION latchkey.make_audit_partitions(integer) FROM PUBLIC;
      SELECT latchkey.make_audit_partitions(12);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE audit_log;
      DROP FUNCTION latchkey.refuse_history_change();
      DROP FUNCTION latchkey.make_audit_partitions(integer);
    `);
  }
}
