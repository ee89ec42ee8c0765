/** What a resource's columns are called and how their texts become values. */
export type FieldKind = 'text' | 'number' | 'money' | 'date' | 'word' | 'labels';

export interface ImportFields {
  readonly kinds: Readonly<Record<string, FieldKind>>;
  /** Other names of columns, without spaces and marks, in lower case; the field's own name counts as well. */
  readonly aliases: Readonly<Record<string, readonly string[]>>;
}

const PERSON = {
  kinds: { firstName: 'text', lastName: 'text', email: 'text', phone: 'text', notes: 'text', tags: 'labels' },
  aliases: {
    firstName: ['first', 'givenname', 'forename', 'name'],
    lastName: ['last', 'surname', 'familyname'],
    email: ['emailaddress', 'mail', 'primaryemail'],
    phone: ['phonenumber', 'mobile', 'mobilephone', 'cell', 'telephone', 'tel'],
    notes: ['note', 'comments', 'comment'],
    tags: ['labels', 'tag'],
  },
} as const;

export const IMPORT_FIELDS: Readonly<Record<'clients' | 'leads' | 'listings', ImportFields>> = {
  clients: {
    kinds: { ...PERSON.kinds, type: 'word', status: 'word', address: 'text', ownerId: 'text' },
    aliases: { ...PERSON.aliases, type: ['clienttype'], address: ['street', 'mailingaddress'] },
  },
  leads: {
    kinds: {
      ...PERSON.kinds,
      leadType: 'word',
      leadStatus: 'word',
      source: 'text',
      budgetMin: 'money',
      budgetMax: 'money',
      currency: 'text',
      ownerId: 'text',
    },
    aliases: {
      ...PERSON.aliases,
      leadType: ['type'],
      leadStatus: ['status', 'stage'],
      source: ['leadsource'],
      budgetMin: ['minbudget', 'minprice'],
      budgetMax: ['maxbudget', 'maxprice', 'budget'],
    },
  },
  listings: {
    kinds: {
      street: 'text',
      city: 'text',
      state: 'text',
      postalCode: 'text',
      latitude: 'number',
      longitude: 'number',
      price: 'money',
      currency: 'text',
      propertyType: 'text',
      status: 'word',
      bedrooms: 'number',
      bathrooms: 'number',
      squareFeet: 'number',
      lotSquareFeet: 'number',
      yearBuilt: 'number',
      listedAt: 'date',
      mlsNumber: 'text',
      ownerId: 'text',
    },
    aliases: {
      street: ['address', 'streetaddress'],
      state: ['province'],
      postalCode: ['zipcode', 'zip', 'postcode'],
      latitude: ['lat'],
      longitude: ['long', 'lng', 'lon'],
      price: ['listprice', 'askingprice'],
      propertyType: ['type'],
      bedrooms: ['beds', 'bedroom'],
      bathrooms: ['baths', 'bathroom'],
      squareFeet: ['sqft', 'sqftliving', 'livingarea'],
      lotSquareFeet: ['sqftlot', 'lotsize', 'lotsqft'],
      yearBuilt: ['yrbuilt', 'built'],
      listedAt: ['date', 'listdate', 'listeddate', 'listingdate'],
      mlsNumber: ['mls', 'mlsid', 'mlsno', 'listingid', 'id'],
    },
  },
};

/** The field of each column, or null for columns that stay out; what the caller says goes before what names suggest. */
export function mapColumns(
  { kinds, aliases }: ImportFields,
  headers: readonly string[],
  given: Readonly<Record<string, string>> | null,
): (string | null)[] {
  const mapped = headers.map((header) => given?.[header] ?? null);
  const plain = headers.map(plainName);
  for (const field of Object.keys(kinds)) {
    if (mapped.includes(field)) continue;
    const names = [field.toLowerCase(), ...(aliases[field] ?? [])];
    const at = names
      .map((name) => plain.findIndex((each, n) => each === name && free(n)))
      .find((n) => n >= 0);
    if (at !== undefined) mapped[at] = field;
  }
  return mapped;

  function free(column: number): boolean {
    return mapped[column] === null && !(headers[column] in (given ?? {}));
  }
}

function plainName(header: string): string {
  return header.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** The value of a cell; a text that is none of its kind stays as it is, for the validation to name. */
export function valueOf(kind: FieldKind, cell: string): unknown {
  // Exports put an apostrophe before what a spreadsheet would run.
  const text = cell
    .trim()
    .replaceAll('\r\n', '\n')
    .replace(/^'(?=[=+\-@\t\r])/, '');
  if (kind === 'labels') return text.split(/[;,]/).flatMap((each) => each.trim() || []);
  if (kind === 'word') return text.toLowerCase().replaceAll(/[\s-]+/g, '_');
  if (kind === 'date') return dateOf(text);
  if (kind === 'text') return text;
  const number = Number(text.replaceAll(/[$\s]|,(?=\d{3}(\D|$))/g, ''));
  if (!Number.isFinite(number)) return text;
  return kind === 'money' ? Math.round(number * 100) : number;
}

/** `M/D/YYYY`, as spreadsheets in the United States write it; anything else is left to the validation. */
function dateOf(text: string): string {
  const parts = /^(\d{1,2})\/(\d{1,2})\/(\d{4})$/.exec(text);
  return parts ? `${parts[3]}-${parts[1].padStart(2, '0')}-${parts[2].padStart(2, '0')}` : text;
}
