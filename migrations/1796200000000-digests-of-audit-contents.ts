import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The writer of an audit row leaves a digest of what it wrote, and its code covers that. The sealer then reads digests
 * instead of rows. Rows from before have none and are read in full, once, if they have no seal yet.
 */
export class DigestsOfAuditContents1796200000000 implements MigrationInterface {
  name = 'DigestsOfAuditContents1796200000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE audit_log ADD COLUMN content_digest bytea;
      COMMENT ON COLUMN audit_log.content_digest IS 'SHA-256 of what the application wrote; null in rows from before version 2 of the digests.';
    `);
    await this.readFrom(runner, 'coalesce(state.cursor_xid, pg_snapshot_xmin(state.sealed_through))');
    // As a cast of the whole list: an element at a time costs several times as much.
    await this.appendWith(runner, `translate(s->>'ids', '[]" ', '{}')::uuid[]`);
  }

  /** Where the index is read from: at the cursor, or every page of a long window would read those before it again. */
  private async readFrom(runner: QueryRunner, start: string): Promise<void> {
    await runner.query(`
      CREATE OR REPLACE FUNCTION latchkey.unsealed_audit(page integer) RETURNS SETOF public.audit_log
      LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      DECLARE state public.audit_sealer;
      BEGIN
        SELECT * INTO STRICT state FROM public.audit_sealer;
        RETURN QUERY SELECT a.* FROM public.audit_log a
          WHERE a.written_in >= ${start}
            AND NOT pg_visible_in_snapshot(a.written_in, state.sealed_through)
            AND pg_visible_in_snapshot(a.written_in, coalesce(state.target, pg_current_snapshot()))
            AND (state.cursor_xid IS NULL OR (a.written_in, a.id) > (state.cursor_xid, state.cursor_id))
          ORDER BY a.written_in, a.id LIMIT page;
      END $$;
    `);
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

  /** @throws when rows were sealed by their content digests: no earlier version could verify them */
  async down(runner: QueryRunner): Promise<void> {
    await this.readFrom(runner, 'pg_snapshot_xmin(state.sealed_through)');
    await this.appendWith(
      runner,
      `ARRAY(SELECT i.id::uuid FROM jsonb_array_elements_text(s->'ids') WITH ORDINALITY i(id, n) ORDER BY i.n)`,
    );
    await runner.query(`
      DO $$ BEGIN
        IF EXISTS (SELECT FROM audit_log WHERE content_digest IS NOT NULL) THEN
          RAISE EXCEPTION 'rows of the audit log have digests that earlier versions cannot verify';
        END IF;
      END $$;
      ALTER TABLE audit_log DROP COLUMN content_digest;
    `);
  }
}
