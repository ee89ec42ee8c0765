import type { LeadPersonal } from '../../src/crm/leads/lead.entity.js';

/** A lead of the seed: what stands in its columns, and what is sealed. */
export interface MadeUpLead {
  readonly id: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly archivedAt: string | null;
  readonly convertedAt: string | null;
  readonly leadType: string;
  readonly leadStatus: string;
  readonly source: string | null;
  readonly budgetMin: number | null;
  readonly budgetMax: number | null;
  readonly tags: readonly string[];
  /** Place of the owner in the team's list, or null for nobody's. */
  readonly owner: number | null;
  readonly personal: LeadPersonal;
}

/** Members of a team who own leads; the first ones own more. */
export const OWNERS = 8;

type Weighted = readonly (readonly [string, number])[];

const STATUSES: Weighted = [
  ['new', 28],
  ['contacted', 26],
  ['qualified', 15],
  ['unqualified', 12],
  ['lost', 11],
  ['converted', 8],
];
const TYPES: Weighted = [
  ['buyer', 55],
  ['seller', 25],
  ['renter', 15],
  ['investor', 5],
];
const SOURCES: Weighted = [
  ['website', 35],
  ['referral', 20],
  ['open house', 15],
  ['campaign', 12],
  ['walk-in', 5],
  ['', 13],
];
const OPENINGS = ['Jor', 'Ma', 'Ca', 'Ri', 'Lu', 'De', 'Sa', 'Be', 'Tho', 'Ve', 'An', 'Mi'];
const FIRST_ENDINGS = ['dan', 'rin', 'sey', 'cas', 'via'];
const LAST_ENDINGS = ['ston', 'velt', 'mond', 'wick', 'berg', 'field', 'ford', 'nez', 'sen', 'quist'];

/** Leads came in over three years; the last one on this day. */
const LAST_DAY_MS = Date.UTC(2026, 5, 30);
const THREE_YEARS_MS = 3 * 365 * 86_400_000;
const DAY_MS = 86_400_000;

/** Of a hundred leads, this many are archived. */
const ARCHIVED_PERCENT = 4;
const CHANGED_PERCENT = 70;

/** A name that a few in a hundred leads have, for searches. */
export const FREQUENT_FIRST_NAME = `${OPENINGS[0]}${FIRST_ENDINGS[0]}`;

/**
 * Lead `number` of `count`, the same in every run: numbers rise with the time a lead came in. Names are made of
 * syllables, so that prefixes are shared as they are among people; e-mail and phone are the number's own.
 * @param number 0 to 9,999,999
 */
export function madeUpLead(number: number, count: number): MadeUpLead {
  const chance = chances(number);
  const createdMs = LAST_DAY_MS - THREE_YEARS_MS + Math.floor((number / count) * THREE_YEARS_MS);
  const changedMs = createdMs + (chance(100) < CHANGED_PERCENT ? chance(90 * DAY_MS) : 0);
  const leadStatus = weighted(STATUSES, chance);
  const budget = chance(10) < 7 ? (chance(90) + 10) * 1_000_000 : null;
  return {
    id: idOf(createdMs, number),
    createdAt: at(createdMs),
    updatedAt: at(changedMs),
    archivedAt: chance(100) < ARCHIVED_PERCENT ? at(changedMs) : null,
    convertedAt: leadStatus === 'converted' ? at(changedMs) : null,
    leadStatus,
    leadType: weighted(TYPES, chance),
    source: weighted(SOURCES, chance) || null,
    budgetMin: budget,
    budgetMax: budget === null ? null : budget + chance(50) * 1_000_000,
    tags: chance(3) === 0 ? ['bench', `group-${chance(10)}`] : [],
    owner: chance(100) < 15 ? null : Math.min(chance(OWNERS), chance(OWNERS)),
    personal: person(number, chance),
  };
}

function person(number: number, chance: (below: number) => number): LeadPersonal {
  // The smaller of two is drawn, so that some names are frequent and some are rare.
  const drawn = (parts: readonly string[]): string =>
    parts[Math.min(chance(parts.length), chance(parts.length))];
  const firstName = drawn(OPENINGS) + drawn(FIRST_ENDINGS);
  const lastName = drawn(OPENINGS) + drawn(LAST_ENDINGS);
  return {
    firstName,
    lastName,
    email: chance(10) === 0 ? null : `${firstName}.${lastName}.${number}@example.com`.toLowerCase(),
    phone: `+1555${String(number).padStart(7, '0')}`,
    notes: chance(2) === 0 ? `Made up for the benchmark, number ${number}; prefers the afternoon.` : null,
  };
}

function at(ms: number): string {
  return new Date(ms).toISOString();
}

/** A UUIDv7 whose random part is the number. */
function idOf(timeMs: number, number: number): string {
  const time = timeMs.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${number.toString(16).padStart(12, '0')}`;
}

function weighted(choices: Weighted, chance: (below: number) => number): string {
  let rest = chance(choices.reduce((sum, [, weight]) => sum + weight, 0));
  for (const [value, weight] of choices) {
    rest -= weight;
    if (rest < 0) return value;
  }
  throw new Error('weights do not add up');
}

/** A source of numbers that depends on the seed alone (mulberry32). */
function chances(seed: number): (below: number) => number {
  let state = Math.imul(seed + 1, 0x9e3779b1);
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}
