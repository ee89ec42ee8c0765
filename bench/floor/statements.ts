/**
 * The floor's SQL. Every statement is named, so PostgreSQL parses and plans it once per connection.
 * Column orders matter: rows are read as arrays.
 */

export interface Statement {
  name: string;
  text: string;
}

const CLIENT_COLUMNS =
  'c.id, c.type, c.status, c.owner_id, c.tags, c.created_at, c.updated_at, k.data_key, c.sealed';
const CLIENTS = 'clients c JOIN data_keys k ON k.team_id = c.team_id AND k.subject_id = c.id';

export const findApiKey: Statement = {
  name: 'find_api_key',
  text: 'SELECT id, team_id, user_id FROM api_keys WHERE key_hash = $1',
};

/** $1 team, $2 id */
export const getClient: Statement = {
  name: 'get_client',
  text: `SELECT ${CLIENT_COLUMNS} FROM ${CLIENTS} WHERE c.team_id = $1 AND c.id = $2 AND c.archived_at IS NULL`,
};

/** $1 team, $2 status, $3 last id seen, $4 how many */
export const listClients: Statement = {
  name: 'list_clients',
  text: `SELECT ${CLIENT_COLUMNS} FROM ${CLIENTS}
    WHERE c.team_id = $1 AND c.status = $2 AND c.archived_at IS NULL AND c.id < $3
    ORDER BY c.id DESC LIMIT $4`,
};

/**
 * Lock, change, difference and audit row in one round trip and one transaction. A status that is there already
 * writes neither row. $1 team, $2 id, $3 status, $4 audit id, $5 user, $6 API key, $7 address, $8 user agent, $9 request id
 */
export const patchStatus: Statement = {
  name: 'patch_status',
  text: `WITH old AS (
      SELECT ${CLIENT_COLUMNS} FROM ${CLIENTS} WHERE c.team_id = $1 AND c.id = $2 AND c.archived_at IS NULL FOR UPDATE OF c
    ), new AS (
      UPDATE clients c SET status = $3, version = c.version + 1, updated_at = now()
      FROM old WHERE c.team_id = $1 AND c.id = $2 AND old.status <> $3
      RETURNING c.status, c.updated_at
    ), audit AS (
      INSERT INTO audit_log (team_id, id, action, resource_type, resource_id, user_id, api_key_id, auth_method,
                             old_values, new_values, ip_address, user_agent, request_id)
      SELECT $1, $4, 'UPDATE', 'client', $2, $5, $6, 'api_key',
             jsonb_build_object('status', old.status), jsonb_build_object('status', new.status), $7, $8, $9
      FROM old, new
    )
    SELECT old.id, old.type, coalesce(new.status, old.status), old.owner_id, old.tags, old.created_at,
           coalesce(new.updated_at, old.updated_at), old.data_key, old.sealed
    FROM old LEFT JOIN new ON true`,
};

/**
 * $1 team, $2 id, $3 type, $4 status, $5 owner, $6 tags, $7 data key, $8 sealed fields, $9 audit id, $10 user, $11 API key,
 * $12 recorded plain values, $13 sealed values, $14 address, $15 user agent, $16 request id, $17 blind-index tokens,
 * $18 token of the e-mail, $19 token of the phone. No row when another client has one of these two.
 */
export const createClient: Statement = {
  name: 'create_client',
  text: `WITH new AS (
      INSERT INTO clients (team_id, id, type, status, owner_id, tags, sealed)
      SELECT $1, $2, $3, $4, $5, $6, $8
      WHERE NOT EXISTS (SELECT FROM blind_index WHERE team_id = $1 AND token IN ($18::uuid, $19::uuid))
      RETURNING created_at
    ), key AS (
      INSERT INTO data_keys (team_id, subject_id, data_key) SELECT $1, $2, $7 FROM new
    ), found AS (
      INSERT INTO blind_index (team_id, token, subject_id) SELECT $1, token, $2 FROM new, unnest($17::uuid[]) token
    ), audit AS (
      INSERT INTO audit_log (team_id, id, action, resource_type, resource_id, user_id, api_key_id, auth_method,
                             new_values, sealed_values, ip_address, user_agent, request_id)
      SELECT $1, $9, 'CREATE', 'client', $2, $10, $11, 'api_key', $12, $13, $14, $15, $16 FROM new
    )
    SELECT created_at FROM new`,
};
