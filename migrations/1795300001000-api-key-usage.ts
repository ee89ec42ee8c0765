import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ownByLookup } from './support/lookup-function.js';
import { protectTeamTable } from './support/team-table.js';

/**
 * How keys are used. The application may read these rows and write none: they change outside any unit of work and
 * without an audit row, so their only way in are three functions that can do nothing else.
 */
export class ApiKeyUsage1795300001000 implements MigrationInterface {
  name = 'ApiKeyUsage1795300001000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE api_key_usage (
        team_id uuid NOT NULL,
        api_key_id uuid NOT NULL,
        hour timestamptz(3) NOT NULL,
        requests bigint NOT NULL CHECK (requests > 0),
        spike_reported boolean NOT NULL DEFAULT false,
        PRIMARY KEY (team_id, api_key_id, hour),
        FOREIGN KEY (team_id, api_key_id) REFERENCES api_keys (team_id, id) ON DELETE CASCADE
      );
      CREATE TABLE api_key_networks (
        team_id uuid NOT NULL,
        api_key_id uuid NOT NULL,
        network cidr NOT NULL,
        first_seen_at timestamptz(3) NOT NULL,
        PRIMARY KEY (team_id, api_key_id, network),
        FOREIGN KEY (team_id, api_key_id) REFERENCES api_keys (team_id, id) ON DELETE CASCADE
      );
    `);
    await protectTeamTable(runner, 'api_key_usage', []);
    await protectTeamTable(runner, 'api_key_networks', []);
    await runner.query(`
      GRANT UPDATE (last_used_at, last_used_ip) ON api_keys TO latchkey_lookup;
      GRANT SELECT, INSERT, UPDATE ON api_key_usage TO latchkey_lookup;
      GRANT SELECT, INSERT ON api_key_networks TO latchkey_lookup;
      CREATE POLICY api_keys_last_use ON api_keys FOR UPDATE TO latchkey_lookup USING (true) WITH CHECK (true);
      CREATE POLICY api_key_usage_count ON api_key_usage TO latchkey_lookup USING (true) WITH CHECK (true);
      CREATE POLICY api_key_networks_meet ON api_key_networks TO latchkey_lookup USING (true) WITH CHECK (true);
    `);
    await this.createLastUse(runner);
    await this.createCount(runner);
    await this.createNetworks(runner);
  }

  /** Forward only: an instance whose clock is behind, or whose write was delayed, changes nothing. */
  private async createLastUse(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION latchkey.note_key_use(teams uuid[], keys uuid[], used_at timestamptz[], used_from inet[])
      RETURNS void
      LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        UPDATE public.api_keys k SET last_used_at = u.used_at, last_used_ip = u.used_from
          FROM unnest(teams, keys, used_at, used_from) u (team_id, id, used_at, used_from)
          WHERE k.team_id = u.team_id AND k.id = u.id AND (k.last_used_at IS NULL OR u.used_at > k.last_used_at);
      $$;
    `);
    await ownByLookup(runner, 'latchkey.note_key_use(uuid[], uuid[], timestamptz[], inet[])');
  }

  /** Adds to the hours and returns those that were found to be a spike just now: each hour is reported once. */
  private async createCount(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION latchkey.count_key_use(teams uuid[], keys uuid[], hours timestamptz[], counts bigint[],
        least_requests bigint, factor integer, least_history integer)
      RETURNS TABLE (api_key_id uuid, requests bigint, usual bigint)
      LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        INSERT INTO public.api_key_usage AS p (team_id, api_key_id, hour, requests)
          SELECT u.team_id, u.id, u.hour, u.requests
          FROM unnest(teams, keys, hours, counts) u (team_id, id, hour, requests)
          JOIN public.api_keys k ON k.team_id = u.team_id AND k.id = u.id
          ON CONFLICT (team_id, api_key_id, hour) DO UPDATE SET requests = p.requests + excluded.requests;
        UPDATE public.api_key_usage p SET spike_reported = true
          FROM unnest(teams, keys, hours) u (team_id, id, hour)
          CROSS JOIN LATERAL (
            SELECT count(*) AS hours_used, percentile_disc(0.5) WITHIN GROUP (ORDER BY b.requests) AS median
            FROM public.api_key_usage b
            WHERE b.team_id = u.team_id AND b.api_key_id = u.id AND b.hour < u.hour AND b.hour >= u.hour - interval '7 days'
          ) before
          WHERE p.team_id = u.team_id AND p.api_key_id = u.id AND p.hour = u.hour AND NOT p.spike_reported
            AND p.requests >= least_requests AND before.hours_used >= least_history AND p.requests > factor * before.median
          RETURNING p.api_key_id, p.requests, before.median;
      $$;
    `);
    await ownByLookup(
      runner,
      'latchkey.count_key_use(uuid[], uuid[], timestamptz[], bigint[], bigint, integer, integer)',
    );
  }

  /** Remembers networks and returns the new ones of keys that had some before; a key's first is not news. */
  private async createNetworks(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION latchkey.meet_key_networks(teams uuid[], keys uuid[], networks cidr[], seen_at timestamptz)
      RETURNS TABLE (api_key_id uuid, network cidr)
      LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        WITH met AS (
          INSERT INTO public.api_key_networks AS n (team_id, api_key_id, network, first_seen_at)
          SELECT u.team_id, u.id, u.network, seen_at
          FROM unnest(teams, keys, networks) u (team_id, id, network)
          JOIN public.api_keys k ON k.team_id = u.team_id AND k.id = u.id
          ON CONFLICT DO NOTHING
          RETURNING n.team_id, n.api_key_id, n.network
        )
        -- What this statement inserts is not visible to its own reads.
        SELECT m.api_key_id, m.network FROM met m
        WHERE EXISTS (SELECT FROM public.api_key_networks b WHERE b.team_id = m.team_id AND b.api_key_id = m.api_key_id);
      $$;
    `);
    await ownByLookup(runner, 'latchkey.meet_key_networks(uuid[], uuid[], cidr[], timestamptz)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION latchkey.meet_key_networks(uuid[], uuid[], cidr[], timestamptz);
      DROP FUNCTION latchkey.count_key_use(uuid[], uuid[], timestamptz[], bigint[], bigint, integer, integer);
      DROP FUNCTION latchkey.note_key_use(uuid[], uuid[], timestamptz[], inet[]);
      DROP POLICY api_keys_last_use ON api_keys;
      REVOKE UPDATE (last_used_at, last_used_ip) ON api_keys FROM latchkey_lookup;
      DROP TABLE api_key_networks, api_key_usage;
    `);
  }
}
