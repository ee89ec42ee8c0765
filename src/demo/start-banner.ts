import { join } from 'node:path';
import type { Config } from '../platform/config/config.js';
import type { Demo } from './demo-team.js';

interface Facts {
  readonly config: Config;
  readonly url: string;
  readonly demo: Demo | null;
  readonly databaseLabel: string;
}

/** What a person reads after `npm start`. Production says one line: its output is a log. */
export function printBanner({ config, url, demo, databaseLabel }: Facts): void {
  if (config.isProduction) return;
  const lines = [
    '',
    `  Latchkey is ready at ${url}`,
    '',
    row('API documents', `${url}/docs`),
    row('Database', databaseLabel),
    row('Data', config.dataDir),
    row('Mail', config.smtpUrl ? 'sent through SMTP_URL' : join(config.dataDir, 'mail')),
    ...(demo ? demoLines(demo, url) : []),
    '',
    '  Ctrl-C stops everything; the data stays.',
    '',
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** Login, key and a line to try: the whole point of a first start. */
export function demoLines(demo: Demo, url: string): string[] {
  return [
    '',
    demo.isNew ? '  A demo team was made for you (npm run demo:show prints this again):' : '  The demo team:',
    row('Login', demo.email),
    row('Password', demo.password),
    row('API key', demo.apiKey),
    '',
    '  Create a client:',
    '',
    `curl -s -X POST ${url}/v1/clients -H 'X-API-Key: ${demo.apiKey}' -H 'Content-Type: application/json' -d '{"firstName":"Taylor","lastName":"Reed","phone":"(555) 123-4567","type":"buyer","allowDuplicate":true}'`,
  ];
}

function row(label: string, value: string): string {
  return `    ${label.padEnd(15)}${value}`;
}
