import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ownByLookup } from './support/lookup-function.js';

/**
 * Where the forwarding of the audit log stands. Batches of all teams need one order in which none can appear before
 * the position that was already passed: the sealer's state is one row that each page locks until its commit, so the
 * version that a page leaves there numbers the pages in the order in which they become visible.
 */
export class AuditForwarding1795800000100 implements MigrationInterface {
  name = 'AuditForwarding1795800000100';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE audit_seal ADD COLUMN page bigint NOT NULL DEFAULT 0;
      COMMENT ON COLUMN audit_seal.page IS 'Version of the sealer''s state that the batch came with; 0 for those before this column.';
      CREATE INDEX audit_seal_by_page ON audit_seal (page, team_id, seq);
      CREATE TABLE audit_forwarding (
        only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
        version bigint NOT NULL DEFAULT 0,
        at_page bigint NOT NULL DEFAULT 0,
        at_team uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
        at_seq bigint NOT NULL DEFAULT 0,
        rows_sent integer NOT NULL DEFAULT 0,
        delivered_at timestamptz(3),
        failing_since timestamptz(3),
        failure text CHECK (length(failure) <= 60),
        attempts integer NOT NULL DEFAULT 0,
        reported_at timestamptz(3)
      );
      COMMENT ON TABLE audit_forwarding IS 'Everything up to this batch, and of the batch the first rows_sent rows, was accepted by the receiver.';
      INSERT INTO audit_forwarding DEFAULT VALUES;
      ALTER TABLE audit_forwarding ENABLE ROW LEVEL SECURITY;
      ALTER TABLE audit_forwarding FORCE ROW LEVEL SECURITY;
      CREATE POLICY audit_forwarding_read ON audit_forwarding FOR SELECT USING (true);
      CREATE POLICY audit_forwarding_move ON audit_forwarding FOR UPDATE TO latchkey_lookup USING (true) WITH CHECK (true);
      GRANT SELECT ON audit_forwarding TO latchkey_app;
      GRANT SELECT, UPDATE ON audit_forwarding TO latchkey_lookup;
    `);
    await this.numberPages(runner);
    await this.createReading(runner);
    await this.createMoving(runner);
  }

  private async numberPages(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE OR REPLACE FUNCTION latchkey.append_audit_seals(read_version bigint, through pg_snapshot, next_target pg_snapshot,
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
        INSERT INTO public.audit_seal (team_id, seq, ids, digests, total_rows, first_created_at, last_created_at,
            sealed_at, root, previous_root, key_id, signature, page)
          SELECT (s->>'teamId')::uuid, (s->>'seq')::bigint,
            ARRAY(SELECT i.id::uuid FROM jsonb_array_elements_text(s->'ids') WITH ORDINALITY i(id, n) ORDER BY i.n),
            decode(s->>'digests', 'hex'), (s->>'totalRows')::bigint, (s->>'firstCreatedAt')::timestamptz,
            (s->>'lastCreatedAt')::timestamptz, (s->>'sealedAt')::timestamptz, decode(s->>'root', 'hex'),
            decode(s->>'previousRoot', 'hex'), s->>'keyId', decode(s->>'signature', 'hex'), new_page
          FROM jsonb_array_elements(seals) s;
      END $$;
    `);
  }

  private async createReading(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION latchkey.seals_to_forward(most integer) RETURNS SETOF public.audit_seal
      LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      DECLARE at public.audit_forwarding;
      BEGIN
        SELECT * INTO STRICT at FROM public.audit_forwarding;
        RETURN QUERY SELECT s.* FROM public.audit_seal s
          WHERE (s.page, s.team_id, s.seq) >= (at.at_page, at.at_team, at.at_seq)
            AND ((s.page, s.team_id, s.seq) <> (at.at_page, at.at_team, at.at_seq) OR cardinality(s.ids) > at.rows_sent)
          ORDER BY s.page, s.team_id, s.seq LIMIT most;
      END $$;
    `);
    await ownByLookup(runner, 'latchkey.seals_to_forward(integer)');
  }

  /** The position only ever moves on, and only from where its mover read it. */
  private async createMoving(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION latchkey.move_audit_forwarding(read_version bigint, page bigint, team uuid, seq bigint, sent integer)
      RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      BEGIN
        UPDATE public.audit_forwarding f SET version = f.version + 1, at_page = page, at_team = team, at_seq = seq,
          rows_sent = sent, delivered_at = now(), failing_since = NULL, failure = NULL, attempts = 0, reported_at = NULL
          WHERE f.version = read_version AND (f.at_page, f.at_team, f.at_seq, f.rows_sent) < (page, team, seq, sent);
        IF NOT FOUND THEN
          RAISE EXCEPTION 'another forwarder was faster' USING ERRCODE = 'LK001';
        END IF;
      END $$;

      CREATE FUNCTION latchkey.note_forwarding_failure(code text, reported boolean) RETURNS void
      LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        UPDATE public.audit_forwarding SET failing_since = coalesce(failing_since, now()), failure = left(code, 60),
          attempts = attempts + 1, reported_at = CASE WHEN reported THEN now() ELSE reported_at END
      $$;
    `);
    await ownByLookup(runner, 'latchkey.move_audit_forwarding(bigint, bigint, uuid, bigint, integer)');
    await ownByLookup(runner, 'latchkey.note_forwarding_failure(text, boolean)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION latchkey.note_forwarding_failure(text, boolean);
      DROP FUNCTION latchkey.move_audit_forwarding(bigint, bigint, uuid, bigint, integer);
      DROP FUNCTION latchkey.seals_to_forward(integer);
      DROP TABLE audit_forwarding;
      CREATE OR REPLACE FUNCTION latchkey.append_audit_seals(read_version bigint, through pg_snapshot, next_target pg_snapshot,
        next_xid xid8, next_id uuid, seals jsonb) RETURNS void
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      BEGIN
        UPDATE public.audit_sealer SET version = version + 1, sealed_through = coalesce(through, sealed_through),
          target = next_target, cursor_xid = next_xid, cursor_id = next_id WHERE version = read_version;
        IF NOT FOUND THEN
          RAISE EXCEPTION 'another sealer was faster' USING ERRCODE = 'LK001';
        END IF;
        INSERT INTO public.audit_seal (team_id, seq, ids, digests, total_rows, first_created_at, last_created_at,
            sealed_at, root, previous_root, key_id, signature)
          SELECT (s->>'teamId')::uuid, (s->>'seq')::bigint,
            ARRAY(SELECT i.id::uuid FROM jsonb_array_elements_text(s->'ids') WITH ORDINALITY i(id, n) ORDER BY i.n),
            decode(s->>'digests', 'hex'), (s->>'totalRows')::bigint, (s->>'firstCreatedAt')::timestamptz,
            (s->>'lastCreatedAt')::timestamptz, (s->>'sealedAt')::timestamptz, decode(s->>'root', 'hex'),
            decode(s->>'previousRoot', 'hex'), s->>'keyId', decode(s->>'signature', 'hex')
          FROM jsonb_array_elements(seals) s;
      END $$;
      ALTER TABLE audit_seal DROP COLUMN page;
    `);
  }
}
