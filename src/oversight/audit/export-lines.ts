import type { Checkpoint } from './checkpoint.js';
import type { Personal } from './personal-values.js';
import type { Seal, SealHeader } from './seal.js';
import { type StoredRow, storedRowOf } from './stored-row.js';

/** 1: rows are digested as a whole. 2: since then, by the digest of their contents. Either kind of row may be in a file of version 2. */
export const EXPORT_VERSION = 2;

/** First line of an export. */
export interface ExportStart {
  readonly kind: 'export';
  /** {@link EXPORT_VERSION}, or an earlier one. */
  readonly version: number;
  readonly teamId: string;
  readonly exportedAt: string;
  readonly keyId: string;
  /** For convenience: a check that matters uses a copy of the keys that was kept elsewhere. */
  readonly publicKey: string;
  /** PEM; keys that signed before. */
  readonly earlierKeys: readonly string[];
}

/** What retention removed; these lines stand before the first batch. */
export interface ExportCheckpoint extends Checkpoint {
  readonly kind: 'checkpoint';
}

export interface ExportSeal extends Seal {
  readonly kind: 'seal';
}

/** One change as a person reads it, and as it is stored. The first is checked against the second. */
export interface ExportRow {
  readonly kind: 'row';
  readonly id: string;
  readonly createdAt: string;
  readonly action: string;
  readonly resourceType: string;
  readonly resourceId: string;
  readonly userId: string | null;
  readonly apiKeyId: string | null;
  readonly authMethod: string;
  readonly oldValues: unknown;
  readonly newValues: unknown;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly requestId: string;
  /** Masked. The seal covers its encrypted form in `stored`; the signature at the end covers what stands here. */
  readonly personal: Personal;
  readonly seal: { readonly seq: number; readonly index: number } | null;
  readonly stored: StoredRow;
}

/** Last line: a signature over everything before it. */
export interface ExportEnd {
  readonly kind: 'end';
  readonly rows: number;
  readonly head: SealHeader | null;
  /** Hex, of all lines before this one with their line ends. */
  readonly sha256: string;
  /** Hex, Ed25519 over {@link endText}. */
  readonly signature: string;
}

export type ExportLine = ExportStart | ExportCheckpoint | ExportSeal | ExportRow | ExportEnd;

export function endText(teamId: string, rows: number, sha256: string): string {
  return ['latchkey-audit-export-v1', teamId, rows, sha256].join('\n');
}

/** The fields that a reader sees, made from what is stored. */
export function shownFields(stored: StoredRow): Omit<ExportRow, 'kind' | 'personal' | 'seal' | 'stored'> {
  return {
    id: stored.id,
    createdAt: stored.createdAt,
    action: stored.action ?? '',
    resourceType: stored.resourceType ?? '',
    resourceId: stored.resourceId ?? '',
    userId: stored.userId,
    apiKeyId: stored.apiKeyId,
    authMethod: stored.authMethod ?? '',
    oldValues: parsed(stored.oldValues),
    newValues: parsed(stored.newValues),
    ipAddress: stored.ipAddress,
    userAgent: stored.userAgent,
    requestId: stored.requestId ?? '',
  };
}

export function rowLine(stored: StoredRow, personal: Personal, seal: ExportRow['seal']): ExportRow {
  return { kind: 'row', ...shownFields(stored), personal, seal, stored: storedRowOf(stored) };
}

const CSV_COLUMNS = [
  'id',
  'createdAt',
  'action',
  'resourceType',
  'resourceId',
  'userId',
  'apiKeyId',
  'authMethod',
  'oldValues',
  'newValues',
  'personal',
  'ipAddress',
  'userAgent',
  'requestId',
] as const;

export const CSV_HEAD = `${[...CSV_COLUMNS, 'seal'].join(',')}\r\n`;

/** One record of RFC 4180. Text that a spreadsheet would run as a formula gets an apostrophe before it. */
export function csvLine(row: ExportRow): string {
  const cells = CSV_COLUMNS.map((name) => csvCell(row[name]));
  return `${[...cells, row.seal?.seq ?? ''].join(',')}\r\n`;
}

function csvCell(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

function parsed(text: string | null): unknown {
  return text === null ? null : (JSON.parse(text) as unknown);
}
