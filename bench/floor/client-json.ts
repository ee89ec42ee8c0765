import type { Row } from './database.js';
import type { Sealing } from './sealing.js';

/** `2026-11-20 23:03:41.12+00` -> `2026-11-20T23:03:41.120Z`: PostgreSQL drops trailing zeros, the contract does not. */
export function isoTime(text: string): string {
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${text.slice(20, -3).padEnd(3, '0')}Z`;
}

/** The answer's JSON of one client, from values that are JSON or need no escaping already. */
export function clientJson(
  id: string,
  personal: string,
  type: string,
  status: string,
  ownerId: string | null,
  tags: string,
  createdAt: string,
  updatedAt: string,
): string {
  const owner = ownerId === null ? 'null' : `"${ownerId}"`;
  return (
    `{"id":"${id}",${personal.slice(1, -1)},"type":"${type}","status":"${status}","ownerId":${owner},` +
    `"tags":${tags},"createdAt":"${isoTime(createdAt)}","updatedAt":"${isoTime(updatedAt)}"}`
  );
}

/** Opens one row of `CLIENT_COLUMNS`. What is sealed is the JSON of the personal fields, so it goes into the answer as it is. */
export function rowJson(sealing: Sealing, teamId: string, row: Row): string {
  const [id, type, status, ownerId, tags, createdAt, updatedAt, dataKey, sealed] = row as string[];
  const personal = sealing.openRow(teamId, id, dataKey, sealed);
  return clientJson(id, personal, type, status, ownerId, tags, createdAt, updatedAt);
}
