import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ownByLookup } from './support/lookup-function.js';
import { IN_UNIT_OF_WORK, protectTeamTable } from './support/team-table.js';

const COLUMNS = `
  id uuid NOT NULL,
  created_at timestamptz(3) NOT NULL,
  last_at timestamptz(3) NOT NULL,
  type text NOT NULL CHECK (length(type) BETWEEN 1 AND 60),
  severity text NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')),
  count bigint NOT NULL CHECK (count > 0),
  aggregated_by text CHECK (aggregated_by IN ('address', 'network', 'type')),
  user_id uuid,
  api_key_id uuid,
  ip_address inet,
  user_agent text,
  request_id text,
  details jsonb NOT NULL DEFAULT '{}'`;

/**
 * What an officer may ask about. A team's events lie under row level security like everything of the team; events
 * of nobody's team (an unknown e-mail, a honeypot) have a table of their own, which only a statement that says
 * `app.platform` may read.
 */
export class SecurityEvents1795400000000 implements MigrationInterface {
  name = 'SecurityEvents1795400000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE security_events (team_id uuid NOT NULL, ${COLUMNS}, PRIMARY KEY (team_id, id));
      CREATE INDEX security_events_by_type ON security_events (team_id, type, id);
      CREATE INDEX security_events_by_user ON security_events (team_id, user_id, id) WHERE user_id IS NOT NULL;
      CREATE TABLE platform_security_events (${COLUMNS}, PRIMARY KEY (id));
      CREATE INDEX platform_security_events_by_type ON platform_security_events (type, id);
    `);
    await protectTeamTable(runner, 'security_events', ['INSERT']);
    await runner.query(`
      ALTER TABLE platform_security_events ENABLE ROW LEVEL SECURITY;
      ALTER TABLE platform_security_events FORCE ROW LEVEL SECURITY;
      CREATE POLICY platform_security_events_read ON platform_security_events FOR SELECT
        USING (current_setting('app.platform', true) = 'yes');
      CREATE POLICY platform_security_events_insert ON platform_security_events FOR INSERT WITH CHECK (${IN_UNIT_OF_WORK});
      CREATE POLICY platform_security_events_update ON platform_security_events FOR UPDATE
        USING (${IN_UNIT_OF_WORK}) WITH CHECK (${IN_UNIT_OF_WORK});
      GRANT SELECT, INSERT ON platform_security_events TO latchkey_app;
      -- The count of a flood rises while its minute lasts; nothing else of an event can be changed.
      GRANT UPDATE (count, last_at) ON security_events, platform_security_events TO latchkey_app;
    `);
    await this.createExpiry(runner);
  }

  /** Forgetting is the one way to delete an event, and it refuses to touch the last 30 days whoever asks. */
  private async createExpiry(runner: QueryRunner): Promise<void> {
    await runner.query(`
      GRANT SELECT, DELETE ON security_events, platform_security_events TO latchkey_lookup;
      CREATE POLICY security_events_expire_read ON security_events FOR SELECT TO latchkey_lookup USING (true);
      CREATE POLICY security_events_expire ON security_events FOR DELETE TO latchkey_lookup USING (true);
      CREATE POLICY platform_security_events_expire_read ON platform_security_events FOR SELECT TO latchkey_lookup USING (true);
      CREATE POLICY platform_security_events_expire ON platform_security_events FOR DELETE TO latchkey_lookup USING (true);

      CREATE FUNCTION latchkey.expire_security_events(keep_days integer, most integer) RETURNS bigint
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      DECLARE
        before timestamptz := now() - make_interval(days => greatest(keep_days, 30));
        gone bigint := 0; part bigint;
      BEGIN
        DELETE FROM public.security_events WHERE (team_id, id) IN
          (SELECT e.team_id, e.id FROM public.security_events e WHERE e.created_at < before LIMIT most);
        GET DIAGNOSTICS gone = ROW_COUNT;
        DELETE FROM public.platform_security_events WHERE id IN
          (SELECT e.id FROM public.platform_security_events e WHERE e.created_at < before ORDER BY e.id LIMIT most);
        GET DIAGNOSTICS part = ROW_COUNT;
        RETURN gone + part;
      END $$;
      CREATE INDEX security_events_by_age ON security_events (created_at);
    `);
    await ownByLookup(runner, 'latchkey.expire_security_events(integer, integer)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION latchkey.expire_security_events(integer, integer);
      DROP TABLE platform_security_events, security_events;
    `);
  }
}
