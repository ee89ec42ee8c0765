import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const UNIT = 'src/platform/database/unit-of-work.js';

/** What makes audit rows a second transaction, as many applications write them: after the change is committed. */
const EDITS: readonly (readonly [RegExp, string])[] = [
  [
    /if \(changes\.length > 0\)\s*statements\.push\(\.\.\.this\.recorder\.statements\(this\.actor\(\), changes\)\);/,
    'const late = changes.length > 0 ? this.recorder.statements(this.actor(), changes) : [];',
  ],
  [
    /if \(statements\.length > 0\)\s*await this\.send\(statements\);/,
    'if (statements.length > 0) await this.send(statements);\n        if (late.length > 0) await this.send(late);',
  ],
];

/** Copies the build and patches the copy, so that no switch for this exists in the product. @returns its folder */
export function makeMutant(build: string): string {
  const copy = join(build, '..', 'dist-faults-mutant');
  removeMutant(build);
  cpSync(build, copy, { recursive: true });
  const file = join(copy, UNIT);
  let text = readFileSync(file, 'utf8');
  for (const [from, to] of EDITS) {
    if (!from.test(text))
      throw new Error(`${UNIT} has changed: the mutant needs another patch (${from.source})`);
    text = text.replace(from, to);
  }
  writeFileSync(file, text);
  return copy;
}

export function removeMutant(build: string): void {
  rmSync(join(build, '..', 'dist-faults-mutant'), { recursive: true, force: true });
}
