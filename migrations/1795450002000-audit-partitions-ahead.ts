import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Partitions are made by the application's daily job, with the rights of their owner and for at most two years
 * ahead: the function is all that the application may do to the schema.
 */
export class AuditPartitionsAhead1795450002000 implements MigrationInterface {
  name = 'AuditPartitionsAhead1795450002000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE OR REPLACE FUNCTION latchkey.make_audit_partitions(months integer) RETURNS void
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      DECLARE first date; part text;
      BEGIN
        FOR ahead IN 0..least(months, 24) LOOP
          first := (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead))::date;
          part := 'audit_log_' || to_char(first, 'YYYY_MM');
          IF to_regclass('public.' || part) IS NULL THEN
            EXECUTE format('CREATE TABLE public.%I PARTITION OF public.audit_log FOR VALUES FROM (%L) TO (%L)',
              part, first::text || ' 00:00:00+00', (first + interval '1 month')::date::text || ' 00:00:00+00');
          END IF;
        END LOOP;
      END $$;
      GRANT EXECUTE ON FUNCTION latchkey.make_audit_partitions(integer) TO latchkey_app;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      REVOKE EXECUTE ON FUNCTION latchkey.make_audit_partitions(integer) FROM latchkey_app;
      ALTER FUNCTION latchkey.make_audit_partitions(integer) SECURITY INVOKER;
    `);
  }
}
