import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A build that is wrong in one way. */
export interface Mutation {
  readonly file: string;
  readonly edits: readonly (readonly [RegExp, string])[];
}

/** Audit rows in a second transaction, as many applications write them: after the change is committed. */
export const LATE_AUDIT: Mutation = {
  file: 'src/platform/database/unit-of-work.js',
  edits: [
    [
      /if \(changes\.length > 0\)\s*record\(statements, this\.recorder\.statements\(this\.actor\(\), changes\)\);/,
      'const late = changes.length > 0 ? this.recorder.statements(this.actor(), changes) : [];',
    ],
    [
      /if \(statements\.length > 0\)\s*await this\.send\(statements\);/,
      'if (statements.length > 0) await this.send(statements);\n        if (late.length > 0) await this.send(late);',
    ],
  ],
};

/** An import's checkpoint in a second transaction, a moment after the rows that it counts. */
export const LATE_CHECKPOINT: Mutation = {
  file: 'src/crm/imports/import-runner.js',
  edits: [
    [
      /return this\.units\.alone\(context, async \(\)\s*=>\s*this\.stageProgress\(context, before, await decide\(\)\)\);/,
      `{
        const result = await this.units.alone(context, async () => {
            context.work.noChange('rows without their checkpoint');
            return decide();
        });
        await new Promise((resolve) => setTimeout(resolve, 500));
        return this.units.alone(context, async () => this.stageProgress(context, before, result));
        }`,
    ],
  ],
};

/** Copies the build and patches the copy, so that no switch for this exists in the product. @returns its folder */
export function makeMutant(build: string, { file, edits }: Mutation): string {
  const copy = join(build, '..', 'dist-faults-mutant');
  removeMutant(build);
  cpSync(build, copy, { recursive: true });
  const path = join(copy, file);
  let text = readFileSync(path, 'utf8');
  for (const [from, to] of edits) {
    if (!from.test(text))
      throw new Error(`${file} has changed: the mutant needs another patch (${from.source})`);
    text = text.replace(from, to);
  }
  writeFileSync(path, text);
  return copy;
}

export function removeMutant(build: string): void {
  rmSync(join(build, '..', 'dist-faults-mutant'), { recursive: true, force: true });
}
