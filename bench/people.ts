/** Made-up people: the same ones for both sides, so both seal, store and send values of the same length. */

const FIRST_NAMES = [
  'Avery',
  'Blake',
  'Casey',
  'Devon',
  'Ellis',
  'Frankie',
  'Gray',
  'Harper',
  'Indigo',
  'Jordan',
];
const LAST_NAMES = [
  'Ashford',
  'Bellweather',
  'Crane',
  'Dunmore',
  'Everly',
  'Fairbanks',
  'Grange',
  'Hollis',
  'Ingram',
];
const STREETS = ['Example Street', 'Sample Avenue', 'Placeholder Lane', 'Specimen Road'];
const TYPES = ['buyer', 'seller', 'investor', 'renter'] as const;

export type ClientStatus = 'active' | 'inactive';

export interface MadeUpClient {
  firstName: string;
  lastName: string;
  email: string;
  phone: string;
  type: (typeof TYPES)[number];
  address: string;
  notes: string;
  tags: string[];
}

/** Numbers from here on are for records that the load creates; below, for those that the seed does. */
export const FIRST_CREATED_NUMBER = 1_000_000;

/** The status client `index` of a team is seeded with. The load counts on it to always send the other one. */
export function seededStatus(index: number): ClientStatus {
  return index % 4 === 3 ? 'inactive' : 'active';
}

/** @param number 0 to 9,999,999, unique in the team: e-mail and phone derive from it */
export function madeUpClient(number: number): MadeUpClient {
  const firstName = FIRST_NAMES[number % FIRST_NAMES.length];
  const lastName = LAST_NAMES[number % LAST_NAMES.length];
  return {
    firstName,
    lastName,
    email: `${firstName}.${lastName}.${number}@example.com`.toLowerCase(),
    phone: `+1555${String(number).padStart(7, '0')}`,
    type: TYPES[number % TYPES.length],
    address: `${(number % 9000) + 100} ${STREETS[number % STREETS.length]}, Springfield`,
    notes: `Made up for the benchmark, number ${number}; prefers calls in the afternoon.`,
    tags: ['bench', `group-${number % 10}`],
  };
}
