import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ownByLookup } from './support/lookup-function.js';
import { CURRENT_TEAM, IN_UNIT_OF_WORK } from './support/team-table.js';

/** What the policy of inserts asks already: the team, the unit of work, the action. */
const AS_BEFORE = `team_id = ${CURRENT_TEAM} AND ${IN_UNIT_OF_WORK} AND action IN ('CREATE', 'UPDATE', 'DELETE')`;

const UNSEALED = `
        SELECT * INTO STRICT state FROM public.audit_sealer;
        RETURN QUERY SELECT a.* FROM public.audit_log a
          WHERE a.written_in >= START
            AND NOT pg_visible_in_snapshot(a.written_in, state.sealed_through)
            AND pg_visible_in_snapshot(a.written_in, coalesce(state.target, pg_current_snapshot()))
            AND (state.cursor_xid IS NULL OR (a.written_in, a.id) > (state.cursor_xid, state.cursor_id))
          ORDER BY a.written_in, a.id LIMIT page;`;

const HELD = `
        SELECT a.* FROM public.audit_held h, public.audit_sealer st, public.audit_log a
        WHERE h.team_id = team AND a.team_id = team AND a.written_in >= START
          AND NOT (pg_visible_in_snapshot(a.written_in, h.sealed_through) OR (h.target IS NOT NULL
            AND pg_visible_in_snapshot(a.written_in, h.target) AND (a.written_in, a.id) <= (h.cursor_xid, h.cursor_id)))
          AND (pg_visible_in_snapshot(a.written_in, st.sealed_through) OR (st.target IS NOT NULL
            AND pg_visible_in_snapshot(a.written_in, st.target) AND (a.written_in, a.id) <= (st.cursor_xid, st.cursor_id)))
          AND NOT EXISTS (SELECT FROM public.audit_seal s WHERE s.team_id = team AND s.last_created_at >= a.created_at
            AND s.first_created_at <= a.created_at AND a.id = ANY (s.ids))
          AND (after_xid IS NULL OR (a.written_in, a.id) > (after_xid, after_id))
        ORDER BY a.written_in, a.id LIMIT page`;

/** Where the index is read from: at the cursor, or every page of a long window would read those before it again. */
const FROM_CURSOR = {
  unsealed: 'coalesce(state.cursor_xid, pg_snapshot_xmin(state.sealed_through))',
  held: 'coalesce(after_xid, pg_snapshot_xmin(h.sealed_through))',
};
const FROM_WINDOW = {
  unsealed: 'pg_snapshot_xmin(state.sealed_through)',
  held: 'pg_snapshot_xmin(h.sealed_through)',
};

/**
 * The writer of an audit row leaves a digest of what it wrote, and its code covers that. The sealer then reads digests
 * instead of rows. Rows from before have none and are read in full, once, if they have no seal yet.
 *
 * Nor may the application's role say when a row was written: only now, and in this transaction.
 *
 * The functions that the sealer reads with have other names from here on: an earlier version would take every row with a digest for
 * somebody else's, and pass it for good. Without them it seals nothing.
 */
export class DigestsOfAuditContents1796200000000 implements MigrationInterface {
  name = 'DigestsOfAuditContents1796200000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE audit_log ADD COLUMN content_digest bytea;
      COMMENT ON COLUMN audit_log.content_digest IS 'SHA-256 of what the application wrote; null in rows from before version 2 of the digests.';
      DROP FUNCTION latchkey.unsealed_audit(integer);
      DROP FUNCTION latchkey.held_audit(uuid, xid8, uuid, integer);

      CREATE FUNCTION latchkey.doubled_audit(teams uuid[], ids uuid[], since timestamptz, until timestamptz)
      RETURNS TABLE (team_id uuid, id uuid)
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT a.team_id, a.id FROM unnest(teams, ids) AS row (team_id, id)
          JOIN public.audit_log a ON a.team_id = row.team_id AND a.id = row.id
        WHERE a.created_at BETWEEN since AND until
        -- One without the code of the other is nobody's: it holds up nothing.
        GROUP BY a.team_id, a.id, a.mac HAVING count(*) > 1
      $$;
    `);
    await ownByLookup(runner, 'latchkey.doubled_audit(uuid[], uuid[], timestamptz, timestamptz)');
    await runner.query(`
      ALTER POLICY audit_log_insert ON audit_log WITH CHECK (${AS_BEFORE}
        AND written_in = pg_current_xact_id() AND created_at = now()::timestamptz(3));
    `);
    await this.createReading(runner, 'audit_to_seal', 'held_audit_to_seal', FROM_CURSOR);
    // As a cast of the whole list: an element at a time costs several times as much.
    await this.appendWith(runner, `translate(s->>'ids', '[]" ', '{}')::uuid[]`);
  }

  private async createReading(
    runner: QueryRunner,
    unsealed: string,
    held: string,
    start: typeof FROM_CURSOR,
  ): Promise<void> {
    await runner.query(`
      CREATE FUNCTION latchkey.${unsealed}(page integer) RETURNS SETOF public.audit_log
      LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      DECLARE state public.audit_sealer;
      BEGIN ${UNSEALED.replace('START', start.unsealed)}
      END $$;

      CREATE FUNCTION latchkey.${held}(team uuid, after_xid xid8, after_id uuid, page integer) RETURNS SETOF public.audit_log
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ ${HELD.replace('START', start.held)}
      $$;
    `);
    await ownByLookup(runner, `latchkey.${unsealed}(integer)`);
    await ownByLookup(runner, `latchkey.${held}(uuid, xid8, uuid, integer)`);
  }

  private async appendWith(runner: QueryRunner, ids: string): Promise<void> {
    await runner.query(`
      CREATE OR REPLACE FUNCTION latchkey.append_audit_seals(read_version bigint, through pg_snapshot, next_target pg_snapshot,
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
        INSERT INTO public.audit_seal (team_id, seq, ids, digests, total_rows, first_created_at, last_created_at,
            sealed_at, root, previous_root, key_id, signature, page)
          SELECT (s->>'teamId')::uuid, (s->>'seq')::bigint, ${ids},
            decode(s->>'digests', 'hex'), (s->>'totalRows')::bigint, (s->>'firstCreatedAt')::timestamptz,
            (s->>'lastCreatedAt')::timestamptz, (s->>'sealedAt')::timestamptz, decode(s->>'root', 'hex'),
            decode(s->>'previousRoot', 'hex'), s->>'keyId', decode(s->>'signature', 'hex'), new_page
          FROM jsonb_array_elements(seals) s;
      END $$;
    `);
  }

  /** @throws when rows have content digests: no earlier version could verify them */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      LOCK TABLE audit_log IN ACCESS EXCLUSIVE MODE;
      DO $$ BEGIN
        IF EXISTS (SELECT FROM audit_log WHERE content_digest IS NOT NULL) THEN
          RAISE EXCEPTION 'rows of the audit log have digests that earlier versions cannot verify';
        END IF;
      END $$;
      ALTER POLICY audit_log_insert ON audit_log WITH CHECK (${AS_BEFORE});
      DROP FUNCTION latchkey.audit_to_seal(integer);
      DROP FUNCTION latchkey.held_audit_to_seal(uuid, xid8, uuid, integer);
      DROP FUNCTION latchkey.doubled_audit(uuid[], uuid[], timestamptz, timestamptz);
      ALTER TABLE audit_log DROP COLUMN content_digest;
    `);
    await this.createReading(runner, 'unsealed_audit', 'held_audit', FROM_WINDOW);
    await this.appendWith(
      runner,
      `ARRAY(SELECT i.id::uuid FROM jsonb_array_elements_text(s->'ids') WITH ORDINALITY i(id, n) ORDER BY i.n)`,
    );
  }
}
