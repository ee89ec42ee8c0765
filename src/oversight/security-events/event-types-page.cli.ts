import { writeFileSync } from 'node:fs';
import { eventTypesPage } from './event-types-page.js';

writeFileSync('docs/security-events.md', eventTypesPage());
