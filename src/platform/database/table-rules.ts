import type { ObjectLiteral } from 'typeorm';
import type { IndexTerms } from './row-index.js';
import type { PersonalRules } from './sealed-rows.js';

/** What every row of a team table has. */
export interface TeamRow extends ObjectLiteral {
  id: string;
  teamId: string;
  version: number;
  createdAt: string;
  updatedAt: string;
  archivedAt: string | null;
}

/** What a feature says about its team table. */
export interface TableRules<E, P extends object> {
  /** Name in the audit log. */
  readonly resourceType: string;
  /** Fields besides the personal ones that the audit log keeps; nothing else ever reaches it. */
  readonly audited: readonly string[];
  /** Personal data of the row, or null for a table without. */
  readonly personal: PersonalRules<P> | null;
  /** Words of the plain fields; a table has these or those of its {@link PersonalRules}. */
  readonly terms?: (row: E) => IndexTerms;
  /**
   * Plain fields that may say something about a person, and what an erased record has instead. Audit rows keep
   * them sealed with the personal ones. For tables with personal data only.
   */
  readonly erased?: Partial<E>;
  /** What a client reads when another live record has one of the unique terms. */
  readonly duplicate?: string;
  /** Properties that hold the id of a record of the same team, and its table; it must be live. */
  readonly references?: Readonly<Record<string, string>>;
}

/** New values of a record: plain fields, personal ones, and whether a second record with the same e-mail or phone is meant. */
export interface Changes<E, P> {
  readonly fields: Partial<E>;
  readonly personal?: Partial<P>;
  readonly allowDuplicate?: boolean;
}
