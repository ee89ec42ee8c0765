import type { ManyAtOnce } from './statement.js';
import type { TableShape } from './table-shape.js';

/**
 * Several inserts of a team table as one, with their data keys and search tokens. The rows travel as JSON, because
 * PostgreSQL then knows the type of every column from the table itself; arrays of arrays would all need one length.
 * @param sealed whether rows come with a data key
 * @param indexed whether rows come with tokens
 */
export function manyInserts({ table, columns }: TableShape, sealed: boolean, indexed: boolean): ManyAtOnce {
  const names = columns.map(({ column }) => column);
  const team = names.indexOf('team_id');
  const id = names.indexOf('id');
  const companions: string[] = [];
  if (indexed)
    companions.push(`b AS (INSERT INTO blind_index (team_id, token, subject_id)
      SELECT $2::uuid, t.token, t.subject_id FROM unnest($3::uuid[], $4::uuid[]) t(token, subject_id))`);
  const at = indexed ? 5 : 3;
  if (sealed)
    companions.push(`k AS (INSERT INTO data_keys (team_id, subject_id, subject_type, wrapped, master_key_id)
      SELECT $2::uuid, u.subject_id, '${table}', u.wrapped, u.master_key_id
      FROM unnest($${at}::uuid[], $${at + 1}::bytea[], $${at + 2}::text[]) u(subject_id, wrapped, master_key_id))`);
  const also = companions.length === 0 ? '' : `WITH ${companions.join(', ')} `;
  const selected = names.map((name) => `r.${name}`).join(', ');
  const text = `${also}INSERT INTO ${table} (${names.join(', ')})
    SELECT ${selected} FROM json_populate_recordset(NULL::${table}, $1::json) r`;
  return {
    place: 'first',
    build: (all) => {
      const rows = all.map((values) =>
        Object.fromEntries(columns.map(({ column, isJson }, n) => [column, jsonValue(values[n], isJson)])),
      );
      const values: unknown[] = [JSON.stringify(rows)];
      if (companions.length > 0) values.push(all[0][team]);
      const [tokensAt, keyAt] = [columns.length, columns.length + (indexed ? 1 : 0)];
      if (indexed) {
        const tokens = all.map((each) => each[tokensAt] as string[]);
        values.push(
          tokens.flat(),
          tokens.flatMap((own, n) => own.map(() => all[n][id])),
        );
      }
      if (sealed) for (const column of [id, keyAt, keyAt + 1]) values.push(all.map((each) => each[column]));
      return { name: `${table}:insert-many`, text, values };
    },
  };
}

/** A value as `json_populate_recordset` reads it into its column. */
function jsonValue(value: unknown, isJson: boolean): unknown {
  if (Buffer.isBuffer(value)) return `\\x${value.toString('hex')}`;
  return isJson && typeof value === 'string' ? JSON.parse(value) : value;
}
