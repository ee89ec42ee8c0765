import { EVENT_TYPE_NAMES, EVENT_TYPES } from './event-types.js';

/** `docs/security-events.md`, made from the registry; a spec fails when the file says something else. */
export function eventTypesPage(): string {
  const sections = EVENT_TYPE_NAMES.map((name) => {
    const { severity, meaning, fields } = EVENT_TYPES[name];
    const lines = Object.entries(fields).map(([field, says]) => `- \`${field}\`: ${says}`);
    return [`## \`${name}\` (${severity})`, '', meaning, ...(lines.length > 0 ? ['', ...lines] : [])].join(
      '\n',
    );
  });
  return `${[INTRODUCTION, ...sections].join('\n\n')}\n`;
}

const INTRODUCTION = `# Security events

<!-- Made from src/oversight/security-events/event-types.ts by \`npm run docs:events\`; do not edit. -->

Every type with its severity, what it means, and what its \`details\` hold. Read them with \`GET /v1/security-events\`
(owners and admins: the team's; others: their own) and \`GET /v1/platform/security-events\` (platform admins: events of
nobody's team). The first events of a caller have a row each. A flood is summed up: one row a minute by type and
address (\`aggregatedBy: address\`), then by network (/16, IPv6 /32), then by type alone; \`count\` loses none.`;
