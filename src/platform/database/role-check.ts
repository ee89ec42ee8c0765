import pg from 'pg';
import type { DatabaseAddress } from './database-address.js';

/**
 * Refuses an application role that row level security does not bind.
 * @throws Error naming what is wrong with the role
 */
export async function assertSafeRole(address: DatabaseAddress, isProduction: boolean): Promise<void> {
  const client = new pg.Client({ ...address.app(), connectionTimeoutMillis: 5000 });
  await client.connect();
  try {
    const { rows } = await client.query<{
      rolname: string;
      unbound: boolean;
      owns: boolean;
      member: boolean;
      looks_up: boolean;
    }>(
      `SELECT r.rolname, r.rolsuper OR r.rolbypassrls AS unbound, pg_has_role(r.oid, 'latchkey_app', 'USAGE') AS member,
         pg_has_role(r.oid, 'latchkey_lookup', 'MEMBER') AS looks_up,
         EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND pg_has_role(r.oid, c.relowner, 'MEMBER')) AS owns
       FROM pg_roles r WHERE r.rolname = ANY ($1)`,
      [isProduction ? await names(client) : [await currentRole(client)]],
    );
    for (const role of rows) {
      if (role.unbound)
        throw new UnsafeRoleError(
          `the role ${role.rolname} of DATABASE_URL is a superuser or has BYPASSRLS: row level security would not bind it`,
        );
      if (isProduction && role.owns)
        throw new UnsafeRoleError(
          `the role ${role.rolname} of DATABASE_URL owns tables, or may act as their owner: give it to DATABASE_MIGRATION_URL and use another`,
        );
      if (isProduction && role.looks_up)
        throw new UnsafeRoleError(
          `the role ${role.rolname} of DATABASE_URL is a member of latchkey_lookup and would see every team: REVOKE latchkey_lookup FROM ${role.rolname}`,
        );
      if (!role.member)
        throw new UnsafeRoleError(
          `the role ${role.rolname} of DATABASE_URL is not a member of latchkey_app: GRANT latchkey_app TO ${role.rolname}`,
        );
    }
  } finally {
    await client.end();
  }
}

async function currentRole(client: pg.Client): Promise<string> {
  return (await client.query<{ name: string }>('SELECT current_user AS name')).rows[0].name;
}

/** The role that signed in as well: a session could return to it. */
async function names(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ current: string; session: string }>(
    'SELECT current_user AS current, session_user AS session',
  );
  return [rows[0].current, rows[0].session];
}

export class UnsafeRoleError extends Error {
  readonly foreseen = true;

  constructor(reason: string) {
    super(`Latchkey does not start: ${reason}.`);
    this.name = 'UnsafeRoleError';
  }
}
