import { createHash } from 'node:crypto';
import type { ComplianceReportView } from './dto/compliance-report.view.js';

const STYLE = `body { font: 14px/1.5 system-ui, sans-serif; color: #111; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 0.5rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: 0.25rem 0.6rem 0.25rem 0; border-bottom: 1px solid #ccc; }
td { overflow-wrap: anywhere; } p { margin: 0.2rem 0; }
@media print { body { margin: 0; max-width: none; } h2 { break-after: avoid; } tr { break-inside: avoid; } }`;

/** Lets this page's own style through, and nothing else. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** The report as a page to print: no script, nothing loaded, every value escaped. */
export function compliancePage(report: ComplianceReportView): string {
  const { period, twoFactor, retention } = report;
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Compliance report</title><style>${STYLE}</style></head>
<body>
<h1>Compliance report: ${text(report.teamName)}</h1>
<p>${text(period.from)} to ${text(period.to)}, made ${text(report.generatedAt)}</p>
<h2>Access</h2>
${table(
  ['Name', 'Role', 'Second factor', 'State', 'Last sign-in'],
  report.access.map((m) => [
    m.name,
    m.role,
    m.twoFactorEnabled ? 'on' : 'off',
    m.disabled ? 'disabled' : 'active',
    m.lastSignInAt,
  ]),
)}
<p>Second factor: ${twoFactor.enabled} of ${twoFactor.members} members; owners and admins without: ${twoFactor.managersWithout}.</p>
<h2>Changes</h2>
${table(
  ['Kind', 'Created', 'Updated', 'Deleted'],
  report.changes.map((c) => [c.resourceType, c.created, c.updated, c.deleted]),
)}
<h2>API keys</h2>
${table(
  ['Name', 'Environment', 'Created', 'Expires', 'Last used', 'Revoked'],
  report.keys.map((k) => [k.name, k.environment, k.createdAt, k.expiresAt, k.lastUsedAt, k.revokedAt]),
)}
<h2>Security events</h2>
<p>Failed sign-ins: ${report.failedLogins}</p>
${table(
  ['Type', 'Severity', 'Count'],
  report.securityEvents.map((e) => [e.type, e.severity, e.count]),
)}
<h2>Retention</h2>
<p>Oldest audit row: ${text(retention.oldestAuditRowAt ?? 'none')}. Sealed batches: ${retention.sealedBatches}. Erasures in the period: ${retention.erasures}.</p>
</body>
</html>
`;
}

function table(head: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string {
  if (rows.length === 0) return '<p>None.</p>';
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${text(cell ?? '')}</td>`).join('')}</tr>`);
  return `<table><thead><tr>${head.map((name) => `<th>${text(name)}</th>`).join('')}</tr></thead><tbody>${body.join('\n')}</tbody></table>`;
}

function text(value: string | number): string {
  return String(value).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
