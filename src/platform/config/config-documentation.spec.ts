import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { environmentNames } from './config.schema.js';

const text = (file: string): string => readFileSync(join(process.cwd(), file), 'utf8');

describe('every setting', () => {
  it('has a line in .env.example, which has no other', () => {
    const lines = [...text('.env.example').matchAll(/^([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name);
    expect([...lines].sort()).toEqual([...environmentNames].sort());
  });

  it('is described in docs/operations.md', () => {
    const described = new Set(text('docs/operations.md').match(/\b[A-Z][A-Z0-9_]*\b/g));
    expect(environmentNames.filter((name) => !described.has(name))).toEqual([]);
  });
});
