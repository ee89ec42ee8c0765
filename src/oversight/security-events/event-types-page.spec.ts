import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventTypesPage } from './event-types-page.js';

it('docs/security-events.md is what the registry says; otherwise run npm run docs:events', () => {
  const page = readFileSync(join(__dirname, '../../../docs/security-events.md'), 'utf8');
  expect(page).toBe(eventTypesPage());
});
