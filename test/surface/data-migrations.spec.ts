import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(__dirname, '../../migrations');

/** What runs later, when somebody calls it, and with an audit row if it concerns a record. A `DO` block runs at once. */
const FUNCTION_BODY = /CREATE (?:OR REPLACE )?FUNCTION[\s\S]*?\$\$[\s\S]*?\$\$/g;
const WRITE =
  /\b(?:(UPDATE|DELETE FROM|INSERT INTO|MERGE INTO|TRUNCATE(?: TABLE)?)\s+(?:ONLY\s+)?(?:public\.)?([a-z_.]+|\$\{\w+\})|(ALTER COLUMN) ([a-z_]+) TYPE [^;,]*\bUSING\b)/g;
/** One row of the application's own state, made with its table. */
const STATE = ['INSERT INTO audit_sealer', 'INSERT INTO audit_forwarding', 'INSERT INTO pgboss.version'];

/** Writes that are none of the rule's, or from before it. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  // It ended calendar links, and no audit row says so.
  '1795600000500-calendar-links-end-with-the-password.ts': [
    'UPDATE calendar_tokens',
    'DELETE FROM calendar_tokens',
  ],
  // Part of two functions' bodies, kept in a constant.
  '1796000000100-held-audit-logs.ts': ['INSERT INTO audit_seal'],
};

function writesOf(text: string): string[] {
  const atOnce = text.replace(FUNCTION_BODY, '');
  return [...atOnce.matchAll(WRITE)].map(
    ([, verb, table, alter, column]) => `${verb ?? alter} ${table ?? column}`,
  );
}

/** A migration has no key to sign an audit row with, so it may change the schema and no record. */
describe('migrations', () => {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.ts'));

  it('change no record: that is for commands, which write audit rows', () => {
    expect(files.length).toBeGreaterThan(50);
    const found = Object.fromEntries(
      files
        .map((name): [string, string[]] => [
          name,
          writesOf(readFileSync(join(FOLDER, name), 'utf8')).filter((write) => !STATE.includes(write)),
        ])
        .filter(([, writes]) => writes.length > 0),
    );
    expect(found).toEqual(KNOWN);
  });

  it.each([
    ['a change', `UPDATE clients SET status = 'active' WHERE status = ''`, ['UPDATE clients']],
    [
      'a removal in a block',
      `DO $$ BEGIN DELETE FROM public.leads WHERE true; END $$`,
      ['DELETE FROM leads'],
    ],
    [
      'a conversion',
      'ALTER TABLE escrows ALTER COLUMN price TYPE bigint USING price * 100',
      ['ALTER COLUMN price'],
    ],
    ['a function', 'CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ DELETE FROM leads $$', []],
    ['a policy', 'CREATE POLICY p ON leads FOR DELETE TO latchkey_app USING (true)', []],
    ['a trigger', 'CREATE TRIGGER t BEFORE UPDATE OR DELETE ON leads FOR EACH ROW EXECUTE FUNCTION f()', []],
  ])('are read: %s', (_, sql, writes) => {
    expect(writesOf(sql)).toEqual(writes);
  });
});
