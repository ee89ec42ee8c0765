import type { Statement } from './statement.js';

/**
 * The same work in fewer statements: several hundred rows cost PostgreSQL less as one INSERT than as several
 * hundred, however few round trips they share. Statements that know no such form stay as they are.
 */
export function merged(statements: readonly Statement[]): Statement[] {
  return stretches(statements).flatMap(mergedStretch);
}

/** Cut before each statement that the checks ahead of it must not see. */
function stretches(statements: readonly Statement[]): Statement[][] {
  const all: Statement[][] = [];
  let current: Statement[] = [];
  let hasChecks = false;
  for (const statement of statements) {
    if (hasChecks && statement.afterChecks) {
      all.push(current);
      [current, hasChecks] = [[], false];
    }
    current.push(statement);
    hasChecks ||= statement.many?.place === 'last';
  }
  return [...all, current];
}

function mergedStretch(statements: readonly Statement[]): Statement[] {
  const groups = new Map<string, number[]>();
  statements.forEach(({ name, many }, at) => {
    if (name === null || many === undefined) return;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [at]);
    else group.push(at);
  });
  const placed = new Map<number, Statement | null>();
  for (const group of groups.values()) {
    const { many } = statements[group[0]];
    if (group.length === 1 || many === undefined) continue;
    for (const at of group) placed.set(at, null);
    const place = many.place === 'first' ? group[0] : (group.at(-1) ?? group[0]);
    placed.set(place, many.build(group.map((at) => statements[at].values)));
  }
  if (placed.size === 0) return [...statements];
  return statements.flatMap((statement, at) => {
    const instead = placed.get(at);
    return instead === undefined ? [statement] : (instead ?? []);
  });
}
