import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isAccountedFor, runImportTrial } from '../faults/import-trial.js';
import { salesFile } from '../harness/sales-file.js';
import { createTestDatabase } from '../harness/test-app.js';

const ROOT = join(__dirname, '../..');
const FILE = join(ROOT, '../shared/fixtures/real/king_county_house_sales_5000.csv');

/** Issue 6: every row of a file is accounted for, the same after `kill -9` half-way. The faults run shows that it can fail. */
describe('an import whose process is killed', () => {
  let build: string;

  beforeAll(() => {
    mkdirSync(join(ROOT, '.latchkey'), { recursive: true });
    build = mkdtempSync(join(ROOT, '.latchkey/e2e-build-'));
    execFileSync(
      join(ROOT, 'node_modules/.bin/swc'),
      ['src', 'migrations', '-d', build, '--quiet', '--ignore', '**/*.spec.ts'],
      { cwd: ROOT },
    );
  });
  afterAll(() => rmSync(build, { recursive: true, force: true }));

  it('goes on behind the last committed row: nothing lost, nothing twice, one audit row a record', async () => {
    const file = salesFile(FILE);
    const database = await createTestDatabase();
    try {
      const findings = await runImportTrial(database, join(build, 'src/main.js'), file, 1);
      expect([findings, isAccountedFor(findings, file)]).toEqual([
        expect.objectContaining({ kills: 1 }),
        true,
      ]);
    } finally {
      await database.drop();
    }
  });
});
