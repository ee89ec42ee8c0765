import type { Statement } from './statement.js';

const texts = new Map<string, string>();

/**
 * Two writes as one statement: what a portal, a plan and a snapshot of its own cost is saved, and neither can be there without the other.
 * PostgreSQL carries out a data-modifying WITH to its end, whether the rest reads it or not (manual, "Data-Modifying Statements in WITH").
 * @param main a write that `mayBeAccompanied`
 * @param companion an INSERT that refers to nothing of it
 */
export function accompanied(main: Statement, companion: Statement): Statement {
  const name = `${main.name}+${companion.name}`;
  let text = texts.get(name);
  if (text === undefined) {
    text = joined(main.text, companion.text, main.values.length);
    texts.set(name, text);
  }
  return { name, text, values: [...main.values, ...companion.values] };
}

function joined(main: string, companion: string, parameters: number): string {
  const renumbered = companion.replace(/\$(\d+)/g, (_, n: string) => `$${Number(n) + parameters}`);
  const rest = main.startsWith('WITH ') ? `, ${main.slice('WITH '.length)}` : ` ${main}`;
  return `WITH companion AS (${renumbered})${rest}`;
}
