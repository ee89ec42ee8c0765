/** Groups by team, each group in the order of the items. */
export function byTeam<T extends { readonly teamId: string }>(items: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(item.teamId);
    if (group) group.push(item);
    else groups.set(item.teamId, [item]);
  }
  return groups;
}
