import pg from 'pg';
import { newId } from '../../platform/crypto/new-id.js';
import { emailKey } from '../users/email-address.js';

export type GrantOutcome = 'granted' | 'revoked' | 'unchanged' | 'unknown';

/**
 * Makes the person of this e-mail address a platform admin, or takes it back. Speaks to the database as the owner
 * of the schema, because the application's role must not be able to. The change and its security event are one
 * transaction, and every running instance hears of it.
 */
export async function setPlatformAdmin(
  ownerUrl: string,
  email: string,
  action: 'grant' | 'revoke',
): Promise<GrantOutcome> {
  const client = new pg.Client({ connectionString: ownerUrl, connectionTimeoutMillis: 5000 });
  await client.connect();
  try {
    const found = await client.query<{ user_id: string }>('SELECT user_id FROM latchkey.find_login($1)', [
      emailKey(email),
    ]);
    const userId = found.rows[0]?.user_id;
    if (userId === undefined) return 'unknown';
    await client.query('BEGIN');
    const { rowCount } = await client.query(
      action === 'grant'
        ? 'INSERT INTO platform_admins (user_id) VALUES ($1) ON CONFLICT DO NOTHING'
        : 'DELETE FROM platform_admins WHERE user_id = $1',
      [userId],
    );
    if (rowCount) await announce(client, userId, action);
    await client.query('COMMIT');
    if (!rowCount) return 'unchanged';
    return action === 'grant' ? 'granted' : 'revoked';
  } finally {
    await client.end();
  }
}

async function announce(client: pg.Client, userId: string, action: string): Promise<void> {
  await client.query(`SELECT set_config('app.unit_of_work', $1, true)`, [newId()]);
  await client.query(
    `INSERT INTO platform_security_events (id, created_at, last_at, type, severity, count, user_id, details)
     VALUES ($1, now(), now(), 'platform_admin_granted', 'critical', 1, $2, $3)`,
    [newId(), userId, JSON.stringify({ action })],
  );
  await client.query(`SELECT pg_notify('latchkey_invalidate', $1)`, [`user:${userId}`]);
}
