import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ownByLookup } from './support/lookup-function.js';
import { protectTeamTable } from './support/team-table.js';

/** Where alerts are posted to, and the days whose digest was sent. */
export class AlertWebhooks1795800001100 implements MigrationInterface {
  name = 'AlertWebhooks1795800001100';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE alert_settings ADD COLUMN digest boolean NOT NULL DEFAULT false, ADD COLUMN webhook bytea,
        ADD COLUMN webhook_subject uuid, ADD CHECK ((webhook IS NULL) = (webhook_subject IS NULL));
      COMMENT ON COLUMN alert_settings.webhook IS 'URL and signing secret, sealed under the data key of webhook_subject.';
      CREATE TABLE alert_digests (
        team_id uuid NOT NULL REFERENCES teams (id),
        day date NOT NULL,
        PRIMARY KEY (team_id, day)
      );
      COMMENT ON TABLE alert_digests IS 'A row is part of the transaction that hands the digest of its day to the job queue.';
    `);
    await protectTeamTable(runner, 'alert_digests', ['INSERT', 'DELETE']);
    await runner.query(`
      GRANT SELECT ON alert_settings TO latchkey_lookup;
      CREATE POLICY alert_settings_digests ON alert_settings FOR SELECT TO latchkey_lookup USING (true);
      CREATE FUNCTION latchkey.teams_with_digest(after uuid, most integer) RETURNS SETOF uuid
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT s.team_id FROM public.alert_settings s WHERE s.digest AND s.team_id > after ORDER BY s.team_id LIMIT most
      $$;
    `);
    await ownByLookup(runner, 'latchkey.teams_with_digest(uuid, integer)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION latchkey.teams_with_digest(uuid, integer);
      DROP POLICY alert_settings_digests ON alert_settings;
      REVOKE SELECT ON alert_settings FROM latchkey_lookup;
      DROP TABLE alert_digests;
      ALTER TABLE alert_settings DROP COLUMN webhook_subject, DROP COLUMN webhook, DROP COLUMN digest;
    `);
  }
}
