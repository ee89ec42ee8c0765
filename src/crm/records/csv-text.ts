import { stringify } from 'csv-stringify/sync';

/** What a spreadsheet would run as a formula (OWASP, CSV injection), full-width forms included. */
const FORMULA = /^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/u;

/**
 * Lines of RFC 4180. Text that a spreadsheet would run gets an apostrophe before it; numbers cannot carry a formula
 * and stay as they are, so that a longitude is still one. Labels are joined with `;`, other lists are JSON.
 */
export function csvLines(rows: readonly (readonly unknown[])[]): string {
  return stringify(
    rows.map((cells) => cells.map(cellOf)),
    { record_delimiter: '\r\n', quoted_match: /[\r\n;\t]/ },
  );
}

/** The text as a spreadsheet shows it without running it. */
export function withoutFormula(text: string): string {
  return FORMULA.test(text) ? `'${text}` : text;
}

function cellOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return withoutFormula(value);
  const isLabels = Array.isArray(value) && value.every((each) => typeof each === 'string');
  return withoutFormula(isLabels ? value.join(';') : JSON.stringify(value));
}
