import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ownByLookup } from './support/lookup-function.js';
import { protectTeamTable } from './support/team-table.js';

/**
 * Signed batches over the audit log. Rows commit in another order than they begin, so neither a time nor an id
 * says what is still unsealed. Each row keeps the transaction that wrote it, and the sealer keeps the snapshot it
 * last read with: what is visible now and was not visible then is new, exactly once.
 */
export class AuditSeals1795450000000 implements MigrationInterface {
  name = 'AuditSeals1795450000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE audit_log ADD COLUMN written_in xid8 NOT NULL DEFAULT pg_current_xact_id(), ADD COLUMN mac bytea;
      CREATE INDEX audit_log_by_transaction ON audit_log (written_in, id);
      CREATE TABLE audit_seal (
        team_id uuid NOT NULL,
        seq bigint NOT NULL CHECK (seq > 0),
        ids uuid[] NOT NULL,
        digests bytea NOT NULL,
        total_rows bigint NOT NULL,
        first_created_at timestamptz(3) NOT NULL,
        last_created_at timestamptz(3) NOT NULL,
        sealed_at timestamptz(3) NOT NULL,
        root bytea NOT NULL CHECK (length(root) = 32),
        previous_root bytea NOT NULL CHECK (length(previous_root) = 32),
        key_id text NOT NULL,
        signature bytea NOT NULL CHECK (length(signature) = 64),
        PRIMARY KEY (team_id, seq),
        CHECK (length(digests) = 32 * cardinality(ids))
      );
      CREATE INDEX audit_seal_by_time ON audit_seal (team_id, last_created_at, first_created_at);
      CREATE INDEX audit_seal_by_sealing ON audit_seal (sealed_at);
      CREATE TABLE audit_sealer (
        only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
        version bigint NOT NULL DEFAULT 0,
        sealed_through pg_snapshot NOT NULL,
        target pg_snapshot,
        cursor_xid xid8,
        cursor_id uuid
      );
      COMMENT ON COLUMN audit_sealer.sealed_through IS 'Every row visible in this snapshot has had its turn.';
      COMMENT ON COLUMN audit_sealer.target IS 'While a long window is sealed page by page: the snapshot that bounds it; the cursor is where it stands.';
      INSERT INTO audit_sealer (sealed_through) VALUES ('3:3:');
    `);
    await protectTeamTable(runner, 'audit_seal', []);
    await runner.query(`
      CREATE TRIGGER audit_seal_immutable BEFORE UPDATE OR DELETE ON audit_seal
        FOR EACH ROW EXECUTE FUNCTION latchkey.refuse_history_change();
      CREATE TRIGGER audit_seal_kept BEFORE TRUNCATE ON audit_seal
        FOR EACH STATEMENT EXECUTE FUNCTION latchkey.refuse_history_change();
      ALTER TABLE audit_sealer ENABLE ROW LEVEL SECURITY;
      ALTER TABLE audit_sealer FORCE ROW LEVEL SECURITY;
      CREATE POLICY audit_sealer_read ON audit_sealer FOR SELECT USING (true);
      CREATE POLICY audit_sealer_move ON audit_sealer FOR UPDATE TO latchkey_lookup USING (true) WITH CHECK (true);
      GRANT SELECT ON audit_sealer TO latchkey_app;
      GRANT SELECT, UPDATE ON audit_sealer TO latchkey_lookup;
      GRANT SELECT ON audit_log TO latchkey_lookup;
      GRANT SELECT, INSERT ON audit_seal TO latchkey_lookup;
      CREATE POLICY audit_log_sealing ON audit_log FOR SELECT TO latchkey_lookup USING (true);
      CREATE POLICY audit_seal_heads ON audit_seal FOR SELECT TO latchkey_lookup USING (true);
      CREATE POLICY audit_seal_append ON audit_seal FOR INSERT TO latchkey_lookup WITH CHECK (true);
    `);
    await this.createReading(runner);
    await this.createAppending(runner);
  }

  /** What the sealer reads of all teams: rows without a seal, and the newest seal of each team. */
  private async createReading(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION latchkey.unsealed_audit(page integer) RETURNS SETOF public.audit_log
      LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      DECLARE state public.audit_sealer;
      BEGIN
        SELECT * INTO STRICT state FROM public.audit_sealer;
        RETURN QUERY SELECT a.* FROM public.audit_log a
          WHERE a.written_in >= pg_snapshot_xmin(state.sealed_through)
            AND NOT pg_visible_in_snapshot(a.written_in, state.sealed_through)
            AND pg_visible_in_snapshot(a.written_in, coalesce(state.target, pg_current_snapshot()))
            AND (state.cursor_xid IS NULL OR (a.written_in, a.id) > (state.cursor_xid, state.cursor_id))
          ORDER BY a.written_in, a.id LIMIT page;
      END $$;

      CREATE FUNCTION latchkey.audit_heads(teams uuid[]) RETURNS SETOF public.audit_seal
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT h.* FROM unnest(teams) team CROSS JOIN LATERAL (
          SELECT s.* FROM public.audit_seal s WHERE s.team_id = team ORDER BY s.seq DESC LIMIT 1) h
      $$;

      CREATE FUNCTION latchkey.audit_heads_since(moment timestamptz) RETURNS SETOF public.audit_seal
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT DISTINCT ON (s.team_id) s.* FROM public.audit_seal s WHERE s.sealed_at >= moment ORDER BY s.team_id, s.seq DESC
      $$;
    `);
    await ownByLookup(runner, 'latchkey.unsealed_audit(integer)');
    await ownByLookup(runner, 'latchkey.audit_heads(uuid[])');
    await ownByLookup(runner, 'latchkey.audit_heads_since(timestamptz)');
  }

  /** Adds seals and moves the sealer on, if nobody else has moved it since it was read. */
  private async createAppending(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION latchkey.append_audit_seals(read_version bigint, through pg_snapshot, next_target pg_snapshot,
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
    `);
    await ownByLookup(
      runner,
      'latchkey.append_audit_seals(bigint, pg_snapshot, pg_snapshot, xid8, uuid, jsonb)',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION latchkey.append_audit_seals(bigint, pg_snapshot, pg_snapshot, xid8, uuid, jsonb);
      DROP FUNCTION latchkey.audit_heads_since(timestamptz);
      DROP FUNCTION latchkey.audit_heads(uuid[]);
      DROP FUNCTION latchkey.unsealed_audit(integer);
      DROP TABLE audit_sealer, audit_seal;
      DROP POLICY audit_log_sealing ON audit_log;
      REVOKE SELECT ON audit_log FROM latchkey_lookup;
      ALTER TABLE audit_log DROP COLUMN written_in, DROP COLUMN mac;
    `);
  }
}
