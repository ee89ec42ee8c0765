/** What a list asks the database for; made by a service from a validated request. */
export interface ListQuery {
  /** Rows a page, 1 to 100. */
  readonly limit: number;
  readonly cursor: string | null;
  /** A property that the repository declares sortable; descending with `-`. */
  readonly sort: string;
  /** Property to wanted value; undefined values are left out. */
  readonly equal: Readonly<Record<string, string | undefined>>;
  /** Ranges of sortable properties. */
  readonly bounds?: readonly Bound[];
  readonly createdAfter: string | null;
  readonly updatedAfter: string | null;
  /** Blind-index tokens that a record must all have. */
  readonly tokens: readonly string[];
}

/** One end of a range; rows without a value are outside of every range. */
export interface Bound {
  readonly property: string;
  readonly compare: '>=' | '<=' | '<';
  readonly value: string;
}

/** Collects parameters and hands out their placeholders. */
export class Parameters {
  readonly values: unknown[] = [];

  add(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

/**
 * The smallest UUIDv7 (RFC 9562, section 5.7) of a moment: ids rise with the time they were made, so a bound on
 * the creation time is a bound on the primary key.
 */
export function firstIdOf(isoTime: string): string {
  const hex = Math.max(0, Date.parse(isoTime)).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7000-8000-000000000000`;
}
