/** Where the global set-up tells the test files about the server. */
export const TEST_SERVER_VARIABLE = 'LATCHKEY_TEST_SERVER';

export interface TestServer {
  /** Superuser, for making databases and for looking past row level security. */
  readonly adminUrl: string;
  readonly template: string;
  readonly ownerUrl: string;
  readonly appUrl: string;
}

export function testServer(): TestServer {
  const text = process.env[TEST_SERVER_VARIABLE];
  if (!text) throw new Error('run the tests through jest: its global set-up starts the database');
  return JSON.parse(text) as TestServer;
}

/** The URL of another database on the same server. */
export function databaseUrl(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.toString();
}
