import { transformFileSync } from '@swc/core';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const ROOT = join(__dirname, '../..');

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The product's commands as processes of their own, compiled once into a folder outside the repository. */
export class Commands {
  private readonly folder = mkdtempSync(join(tmpdir(), 'latchkey-commands-'));

  constructor() {
    for (const part of ['src', 'migrations']) this.compile(part);
    writeFileSync(join(this.folder, 'package.json'), '{"type":"module"}');
    symlinkSync(realpathSync(join(ROOT, 'node_modules')), join(this.folder, 'node_modules'));
  }

  /** @param file below `src`, such as `oversight/audit/audit-verify.cli.js`, as the script in package.json names it */
  async run(file: string, args: readonly string[], env: Record<string, string> = {}): Promise<CommandResult> {
    const child = spawn(process.execPath, [join(this.folder, 'src', file), ...args], {
      cwd: this.folder,
      env: { PATH: process.env.PATH, ...env },
    });
    const said = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream].on('data', (chunk: Buffer) => (said[stream] += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, ...said };
  }

  /** A path in the commands' folder. */
  path(name: string): string {
    return join(this.folder, name);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private compile(part: string): void {
    const names = readdirSync(join(ROOT, part), { recursive: true, encoding: 'utf8' });
    for (const name of names.filter((each) => /(?<!\.spec)\.ts$/.test(each))) {
      const target = join(this.folder, part, name.replace(/\.ts$/, '.js'));
      mkdirSync(dirname(target), { recursive: true });
      const source = join(ROOT, part, name);
      writeFileSync(
        target,
        transformFileSync(source, { configFile: join(ROOT, '.swcrc'), sourceMaps: false }).code,
      );
    }
  }
}
