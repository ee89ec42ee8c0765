import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ownByLookup } from './support/lookup-function.js';
import { CURRENT_USER_ID, protectTable } from './support/team-table.js';

/** Which column change ends what instances have cached, and under which subject. */
const NOTICES = [
  ['sessions', 'UPDATE OF revoked_at OR DELETE', 'session', 'id'],
  ['memberships', 'UPDATE OF role OR DELETE', 'user', 'user_id'],
  ['users', 'UPDATE OF disabled_at, password_hash OR DELETE', 'user', 'id'],
] as const;

/** How sessions end: told to every instance by the tables themselves, in all teams of a person at once. */
export class SessionEndings1795210001000 implements MigrationInterface {
  name = 'SessionEndings1795210001000';

  async up(runner: QueryRunner): Promise<void> {
    await this.createNotices(runner);
    await this.createEndSessions(runner);
    await this.createKnownDevices(runner);
  }

  /** Triggers, because a notice that code has to remember is forgotten once; an operator's SQL is covered as well. */
  private async createNotices(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION latchkey.tell_instances() RETURNS trigger
      LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
      BEGIN
        PERFORM pg_notify('latchkey_invalidate', TG_ARGV[0] || ':' || (to_jsonb(OLD) ->> TG_ARGV[1]));
        RETURN NULL;
      END $$;
    `);
    for (const [table, events, subject, column] of NOTICES) {
      await runner.query(`
        CREATE TRIGGER ${table}_tell_instances AFTER ${events} ON ${table}
        FOR EACH ROW EXECUTE FUNCTION latchkey.tell_instances('${subject}', '${column}')
      `);
    }
  }

  /** A person may have sessions in several teams, and the unit of work of one team sees only its own. */
  private async createEndSessions(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE INDEX sessions_live_by_user ON sessions (user_id) WHERE revoked_at IS NULL;
      GRANT SELECT (id, user_id, revoked_at), UPDATE (revoked_at, revoked_reason) ON sessions TO latchkey_lookup;
      CREATE POLICY sessions_lookup_read ON sessions FOR SELECT TO latchkey_lookup USING (true);
      CREATE POLICY sessions_lookup_end ON sessions FOR UPDATE TO latchkey_lookup USING (true) WITH CHECK (revoked_at IS NOT NULL);

      CREATE FUNCTION latchkey.end_sessions(person uuid, kept uuid, reason text) RETURNS bigint
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      DECLARE ended bigint;
      BEGIN
        IF person IS DISTINCT FROM ${CURRENT_USER_ID} OR coalesce(current_setting('app.unit_of_work', true), '') = '' THEN
          RAISE EXCEPTION 'only a unit of work of that person ends their sessions' USING ERRCODE = '42501';
        END IF;
        UPDATE public.sessions SET revoked_at = now(), revoked_reason = reason
          WHERE user_id = person AND id IS DISTINCT FROM kept AND revoked_at IS NULL;
        GET DIAGNOSTICS ended = ROW_COUNT;
        RETURN ended;
      END $$;
    `);
    await ownByLookup(runner, 'latchkey.end_sessions(uuid, uuid, text)');
  }

  /** Browsers that signed in before: they have tries of their own when strangers lock the account. */
  private async createKnownDevices(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE known_devices (
        user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        token_hash bytea NOT NULL CHECK (length(token_hash) = 32),
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        PRIMARY KEY (user_id, token_hash)
      );
    `);
    await protectTable(runner, 'known_devices', `user_id = ${CURRENT_USER_ID}`, ['INSERT', 'DELETE']);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE known_devices;
      DROP FUNCTION latchkey.end_sessions(uuid, uuid, text);
      DROP POLICY sessions_lookup_end ON sessions;
      DROP POLICY sessions_lookup_read ON sessions;
      REVOKE ALL ON sessions FROM latchkey_lookup;
      DROP INDEX sessions_live_by_user;
    `);
    for (const [table] of NOTICES) await runner.query(`DROP TRIGGER ${table}_tell_instances ON ${table}`);
    await runner.query(`DROP FUNCTION latchkey.tell_instances()`);
  }
}
