import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ownByLookup } from './support/lookup-function.js';
import { protectTeamTable } from './support/team-table.js';

const APPEND =
  'latchkey.append_audit_seals(bigint, pg_snapshot, pg_snapshot, xid8, uuid, jsonb, uuid[], uuid[])';

const INSERT_SEALS = `
        INSERT INTO public.audit_seal (team_id, seq, ids, digests, total_rows, first_created_at, last_created_at,
            sealed_at, root, previous_root, key_id, signature, page)
          SELECT (s->>'teamId')::uuid, (s->>'seq')::bigint,
            ARRAY(SELECT i.id::uuid FROM jsonb_array_elements_text(s->'ids') WITH ORDINALITY i(id, n) ORDER BY i.n),
            decode(s->>'digests', 'hex'), (s->>'totalRows')::bigint, (s->>'firstCreatedAt')::timestamptz,
            (s->>'lastCreatedAt')::timestamptz, (s->>'sealedAt')::timestamptz, decode(s->>'root', 'hex'),
            decode(s->>'previousRoot', 'hex'), s->>'keyId', decode(s->>'signature', 'hex'), new_page
          FROM jsonb_array_elements(seals) s;`;

/**
 * One log that cannot be continued holds up no other. The sealer passes its rows and keeps where it stood when it came to
 * the first of them; once the log can be continued, what was passed since then is sealed.
 */
export class HeldAuditLogs1796000000100 implements MigrationInterface {
  name = 'HeldAuditLogs1796000000100';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE audit_held (
        team_id uuid PRIMARY KEY,
        held_since timestamptz(3) NOT NULL DEFAULT now(),
        sealed_through pg_snapshot NOT NULL,
        target pg_snapshot,
        cursor_xid xid8,
        cursor_id uuid
      );
      COMMENT ON TABLE audit_held IS 'Logs that cannot be continued, and the state of the sealer before the first of their rows that it passed.';
    `);
    await protectTeamTable(runner, 'audit_held', []);
    await runner.query(`
      GRANT SELECT, INSERT, DELETE ON audit_held TO latchkey_lookup;
      CREATE POLICY audit_held_all ON audit_held FOR SELECT TO latchkey_lookup USING (true);
      CREATE POLICY audit_held_hold ON audit_held FOR INSERT TO latchkey_lookup WITH CHECK (true);
      CREATE POLICY audit_held_release ON audit_held FOR DELETE TO latchkey_lookup USING (true);
    `);
    await this.createReading(runner);
    await this.createAppending(runner);
  }

  private async createReading(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION latchkey.held_audit_logs() RETURNS SETOF public.audit_held
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT * FROM public.audit_held
      $$;

      CREATE FUNCTION latchkey.held_audit(team uuid, after_xid xid8, after_id uuid, page integer) RETURNS SETOF public.audit_log
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT a.* FROM public.audit_held h, public.audit_sealer st, public.audit_log a
        WHERE h.team_id = team AND a.team_id = team AND a.written_in >= pg_snapshot_xmin(h.sealed_through)
          AND NOT (pg_visible_in_snapshot(a.written_in, h.sealed_through) OR (h.target IS NOT NULL
            AND pg_visible_in_snapshot(a.written_in, h.target) AND (a.written_in, a.id) <= (h.cursor_xid, h.cursor_id)))
          AND (pg_visible_in_snapshot(a.written_in, st.sealed_through) OR (st.target IS NOT NULL
            AND pg_visible_in_snapshot(a.written_in, st.target) AND (a.written_in, a.id) <= (st.cursor_xid, st.cursor_id)))
          AND NOT EXISTS (SELECT FROM public.audit_seal s WHERE s.team_id = team AND s.last_created_at >= a.created_at
            AND s.first_created_at <= a.created_at AND a.id = ANY (s.ids))
          AND (after_xid IS NULL OR (a.written_in, a.id) > (after_xid, after_id))
        ORDER BY a.written_in, a.id LIMIT page
      $$;

      CREATE FUNCTION latchkey.audit_key_starts(teams uuid[]) RETURNS SETOF public.audit_seal
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT s.* FROM (SELECT team_id, min(seq) AS seq FROM public.audit_seal WHERE team_id = ANY (teams) GROUP BY team_id, key_id) f
          JOIN public.audit_seal s USING (team_id, seq)
      $$;
      DROP FUNCTION latchkey.audit_key_signed(uuid[], text);
    `);
    await ownByLookup(runner, 'latchkey.held_audit_logs()');
    await ownByLookup(runner, 'latchkey.held_audit(uuid, xid8, uuid, integer)');
    await ownByLookup(runner, 'latchkey.audit_key_starts(uuid[])');
  }

  /** The same as before, and in the same step the logs that are held from here on and those that are not any more. */
  private async createAppending(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION latchkey.append_audit_seals(bigint, pg_snapshot, pg_snapshot, xid8, uuid, jsonb);
      CREATE FUNCTION latchkey.append_audit_seals(read_version bigint, through pg_snapshot, next_target pg_snapshot,
        next_xid xid8, next_id uuid, seals jsonb, hold uuid[], release uuid[]) RETURNS void
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      DECLARE state public.audit_sealer; new_page bigint := read_version + 1;
      BEGIN
        SELECT * INTO state FROM public.audit_sealer WHERE version = read_version FOR UPDATE;
        IF NOT FOUND THEN
          RAISE EXCEPTION 'another sealer was faster' USING ERRCODE = 'LK001';
        END IF;
        UPDATE public.audit_sealer SET version = new_page, sealed_through = coalesce(through, sealed_through),
          target = next_target, cursor_xid = next_xid, cursor_id = next_id;
        INSERT INTO public.audit_held (team_id, sealed_through, target, cursor_xid, cursor_id)
          SELECT team, state.sealed_through, state.target, state.cursor_xid, state.cursor_id FROM unnest(hold) team
          ON CONFLICT DO NOTHING;
        DELETE FROM public.audit_held WHERE team_id = ANY (release);
        ${INSERT_SEALS}
      END $$;
    `);
    await ownByLookup(runner, APPEND);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION ${APPEND};
      DROP FUNCTION latchkey.held_audit(uuid, xid8, uuid, integer);
      DROP FUNCTION latchkey.held_audit_logs();
      DROP FUNCTION latchkey.audit_key_starts(uuid[]);
      DROP TABLE audit_held;
      CREATE FUNCTION latchkey.audit_key_signed(teams uuid[], key text) RETURNS boolean
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT EXISTS (SELECT FROM public.audit_seal s WHERE s.team_id = ANY (teams) AND s.key_id = key)
      $$;
      CREATE FUNCTION latchkey.append_audit_seals(read_version bigint, through pg_snapshot, next_target pg_snapshot,
        next_xid xid8, next_id uuid, seals jsonb) RETURNS void
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      DECLARE new_page bigint;
      BEGIN
        UPDATE public.audit_sealer SET version = version + 1, sealed_through = coalesce(through, sealed_through),
          target = next_target, cursor_xid = next_xid, cursor_id = next_id WHERE version = read_version
          RETURNING version INTO new_page;
        IF NOT FOUND THEN
          RAISE EXCEPTION 'another sealer was faster' USING ERRCODE = 'LK001';
        END IF;
        ${INSERT_SEALS}
      END $$;
    `);
    await ownByLookup(runner, 'latchkey.audit_key_signed(uuid[], text)');
    await ownByLookup(
      runner,
      'latchkey.append_audit_seals(bigint, pg_snapshot, pg_snapshot, xid8, uuid, jsonb)',
    );
  }
}
