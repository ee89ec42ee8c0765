import type { QueryRunner } from 'typeorm';

/** Hands a function to the look-up role; the schema's CREATE right is lent for the moment of the change only. */
export async function ownByLookup(runner: QueryRunner, signature: string): Promise<void> {
  await runner.query(`
    GRANT CREATE ON SCHEMA latchkey TO latchkey_lookup;
    ALTER FUNCTION ${signature} OWNER TO latchkey_lookup;
    REVOKE CREATE ON SCHEMA latchkey FROM latchkey_lookup;
    REVOKE ALL ON FUNCTION ${signature} FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION ${signature} TO latchkey_app;
  `);
}
