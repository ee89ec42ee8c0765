import pg from 'pg';

type Parser = (text: string) => unknown;

/** PostgreSQL's text form of a `timestamptz` in UTC (`2026-01-31 09:05:00.12+00`) as ISO 8601 with milliseconds. */
export function isoTimestamp(text: string): string {
  const zone = text.indexOf('+', 19);
  const fraction = zone > 20 ? text.slice(20, Math.min(zone, 23)).padEnd(3, '0') : '000';
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction}Z`;
}

const OIDS = { bytea: 17, int8: 20, timestamptz: 1184, cidr: 650, inet: 869 } as const;

const own = new Map<number, Parser>([
  [OIDS.bytea, (text) => Buffer.from(text.slice(2), 'hex')],
  // Counts and money stay below 2^53; the columns' checks see to it.
  [OIDS.int8, Number],
  [OIDS.timestamptz, isoTimestamp],
  // A host address is shown without its full-length prefix.
  [OIDS.inet, (text) => text.replace(/\/(32|128)$/, '')],
  [OIDS.cidr, (text) => text],
]);

/** The parser of a column type: ours, or the driver's. */
export function parserOf(oid: number): Parser {
  return own.get(oid) ?? (pg.types.getTypeParser(oid, 'text') as Parser);
}
