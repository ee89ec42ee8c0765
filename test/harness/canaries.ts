import { randomBytes } from 'node:crypto';
import type { TestDatabase } from './test-app.js';

/** Text that occurs nowhere unless somebody wrote it there. */
export const canary = (name: string): string => `cnry${name}${randomBytes(6).toString('hex')}`;

/** Names of what occurs in a text, in whatever case. */
export function found(text: string, words: [string, string][]): string[] {
  const lower = text.toLowerCase();
  return words.filter(([, word]) => lower.includes(word.toLowerCase())).map(([name]) => name);
}

/** Every column of every row of every table as the superuser reads them; bytes are compared as bytes. */
export async function scanDatabase(database: TestDatabase, words: [string, string][]): Promise<string[]> {
  const tables = await database.sql(
    `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')`,
  );
  expect(tables.length).toBeGreaterThan(20);
  const hits: string[] = [];
  for (const { name: table } of tables) {
    const rows = await database.sql(
      `SELECT DISTINCT w.name, e.key FROM ${table} t, jsonb_each_text(to_jsonb(t)) e,
         unnest($1::text[], $2::text[], $3::text[]) AS w (name, word, bytes)
       WHERE strpos(lower(e.value), w.word) > 0 OR strpos(e.value, w.bytes) > 0`,
      [
        words.map(([name]) => name),
        words.map(([, word]) => word.toLowerCase()),
        words.map(([, word]) => Buffer.from(word).toString('hex')),
      ],
    );
    hits.push(...rows.map(({ name, key }) => `${name} in ${table}.${key}`));
  }
  return hits.sort();
}
