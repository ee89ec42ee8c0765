import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What no plan of ours depends on: no list looks for it by an index. */
const UNPLANNED = [
  'auth_method',
  'old_values',
  'new_values',
  'sealed',
  'content_digest',
  'mac',
  'ip_address',
  'user_agent',
];

/** `ALTER TABLE` for every partition there is, and the one statement that later ones get at their making. */
const targets = (target: number): string =>
  UNPLANNED.map((column) => `ALTER COLUMN ${column} SET STATISTICS ${target}`).join(', ');

/**
 * Every ANALYZE of a busy log unpacked and sorted 30,000 of its rows' values, and kept the most frequent addresses and user agents
 * in the catalog, where no erasure finds them. A partition does not inherit this from its table.
 */
export class AuditColumnsWithoutStatistics1796300000000 implements MigrationInterface {
  name = 'AuditColumnsWithoutStatistics1796300000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE audit_log ${targets(0)}`);
    await this.makePartitionsWith(runner, `EXECUTE format('ALTER TABLE public.%I ${targets(0)}', part);`);
  }

  private async makePartitionsWith(runner: QueryRunner, also: string): Promise<void> {
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
            ${also}
          END IF;
        END LOOP;
      END $$;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await this.makePartitionsWith(runner, '');
    await runner.query(`ALTER TABLE audit_log ${targets(-1)}`);
  }
}
