/**
 * JSON text with the keys of every object in order: what `jsonb` gives back and what we sent differ in order and spacing, and both have
 * this one text.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sorted(value));
}

/** The same values; objects whose keys are in order already, as most are, stay the objects they are. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (hasOwnForm(value)) return sorted(value.toJSON());
  if (Array.isArray(value)) return value.some(isObject) ? value.map(sorted) : value;
  const parts = value as Record<string, unknown>;
  const names = Object.keys(parts);
  if (areInOrder(names) && !names.some((name) => isObject(parts[name]))) return value;
  return Object.fromEntries(names.sort().map((name) => [name, sorted(parts[name])]));
}

/** Dates and their like say themselves what they are in JSON. */
function hasOwnForm(value: object): value is { toJSON(): unknown } {
  return 'toJSON' in value && typeof value.toJSON === 'function';
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function areInOrder(names: readonly string[]): boolean {
  for (let n = 1; n < names.length; n++) if (names[n - 1] > names[n]) return false;
  return true;
}
