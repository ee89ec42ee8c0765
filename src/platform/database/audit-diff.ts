/** The fields of `names` that differ, before and after; null when none does. */
export function diffOf(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
  names: readonly string[],
): { oldValues: Record<string, unknown>; newValues: Record<string, unknown> } | null {
  const oldValues: Record<string, unknown> = {};
  const newValues: Record<string, unknown> = {};
  for (const name of names) {
    if (sameValue(before[name], after[name])) continue;
    oldValues[name] = before[name] ?? null;
    newValues[name] = after[name] ?? null;
  }
  return Object.keys(newValues).length === 0 ? null : { oldValues, newValues };
}

/** The same for a change that has only the fields it sets. */
export function diffOfChange(
  before: Readonly<Record<string, unknown>>,
  change: Readonly<Record<string, unknown>>,
  names: readonly string[],
): ReturnType<typeof diffOf> {
  const set = names.filter((name) => name in change);
  return set.length === 0 ? null : diffOf(before, change, set);
}

/** The fields of `names` that hold something. */
export function presentFields(
  row: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Record<string, unknown> {
  const present: Record<string, unknown> = {};
  for (const name of names) if (row[name] != null) present[name] = row[name];
  return present;
}

function sameValue(a: unknown, b: unknown): boolean {
  if (a === b || (a == null && b == null)) return true;
  return typeof a === 'object' && typeof b === 'object' && JSON.stringify(a) === JSON.stringify(b);
}
