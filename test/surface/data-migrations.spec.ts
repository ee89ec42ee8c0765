import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(__dirname, '../../migrations');

/** What runs later, when somebody calls it, and with an audit row if it concerns a record. A `DO` block runs at once. */
const FUNCTION_BODY = /CREATE (?:OR REPLACE )?FUNCTION(?:(?!\bCREATE\b)[\s\S])*?\bAS\s+(\$\w*\$)[\s\S]*?\1/gi;
const TABLE = /(?:ONLY\s+)?(?:"?public"?\.)?("?[a-z_]\w*(?:\.\w+)?"?|\$\{[^}]+\})/.source;
const WRITE = new RegExp(
  String.raw`\b(UPDATE|DELETE\s+FROM|INSERT\s+INTO|MERGE\s+INTO|TRUNCATE(?:\s+TABLE)?)\s+(?!OR\b|ON\b|TO\b|USING\b|WITH\b|OF\b|SET\b)${TABLE}`,
  'g',
);
/** A value can change with the type of its column, also without a USING. */
const CONVERSION = /\bALTER (?:COLUMN )?(\S+) (?:SET DATA )?TYPE\b/g;

/** One row of the application's own state, made with its table. */
const STATE = ['INSERT INTO audit_sealer', 'INSERT INTO audit_forwarding', 'INSERT INTO pgboss.version'];

/** Writes that are none of the rule's, or from before it. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  // It ended calendar links, and no audit row says so.
  '1795600000500-calendar-links-end-with-the-password.ts': [
    'UPDATE calendar_tokens',
    'DELETE FROM calendar_tokens',
  ],
  // From text to domains over text: the words stay.
  '1796100000200-enumerations-as-domains.ts': ['ALTER ${column} TYPE', 'ALTER ${column} TYPE'],
  // Part of two functions' bodies, kept in a constant.
  '1796000000100-held-audit-logs.ts': ['INSERT INTO audit_seal'],
};

function writesOf(text: string): string[] {
  const atOnce = text.replace(FUNCTION_BODY, '');
  const writes = [...atOnce.matchAll(WRITE)].map(([, verb, table]) => `${verb.replace(/\s+/, ' ')} ${table}`);
  return [...writes, ...[...atOnce.matchAll(CONVERSION)].map(([, column]) => `ALTER ${column} TYPE`)];
}

/** A migration has no key to sign an audit row with, so it may change the schema and no record. */
describe('migrations', () => {
  const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );

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
    ['a name in quotes', 'DELETE FROM ONLY "public"."clients"', ['DELETE FROM "clients"']],
    ['a table that is named elsewhere', 'UPDATE ${table} SET status = NULL', ['UPDATE ${table}']],
    ['a table of a list', 'DELETE FROM ${TABLES.leads} WHERE true', ['DELETE FROM ${TABLES.leads}']],
    ['a conversion', 'ALTER COLUMN price TYPE numeric(12,2) USING price * 100', ['ALTER price TYPE']],
    ['a conversion that rounds', 'ALTER price SET DATA TYPE bigint', ['ALTER price TYPE']],
    [
      'what follows a function',
      'CREATE FUNCTION f() AS $body$ x $body$; UPDATE leads SET a = 1; DO $$ $$',
      ['UPDATE leads'],
    ],
    [
      'what follows one without quotes',
      'CREATE FUNCTION f() RETURN 1; UPDATE leads SET a = 1; CREATE FUNCTION g() AS $$ x $$',
      ['UPDATE leads'],
    ],
    ['a function', 'CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ DELETE FROM leads $$', []],
    ['a policy', 'CREATE POLICY p ON leads FOR DELETE TO latchkey_app USING (true)', []],
    ['a trigger', 'CREATE TRIGGER t BEFORE UPDATE OR DELETE ON leads FOR EACH ROW EXECUTE FUNCTION f()', []],
  ])('are read: %s', (_, sql, writes) => {
    expect(writesOf(sql)).toEqual(writes);
  });
});
