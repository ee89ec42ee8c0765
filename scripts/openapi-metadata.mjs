// Writes src/metadata.ts: what the API document takes from types and docstrings, which are gone at run time.
// `--check` writes nothing and fails when the committed file is not what the sources say.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PluginMetadataGenerator } from '@nestjs/cli/lib/compiler/plugins/plugin-metadata-generator.js';
import { ReadonlyVisitor } from '@nestjs/swagger/plugin';
import ts from 'typescript';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const target = join(root, 'src/metadata.ts');

function programOfSources() {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
  const { options, fileNames } = ts.parseJsonConfigFileContent({ ...config, include: ['src'] }, ts.sys, root);
  const sources = fileNames.filter((name) => !/metadata\.ts$|\.spec\.ts$/.test(name)).sort();
  return ts.createProgram(sources, options);
}

function generate() {
  const outputDir = mkdtempSync(join(tmpdir(), 'latchkey-metadata-'));
  try {
    const visitor = new ReadonlyVisitor({
      dtoFileNameSuffix: ['.dto.ts', '.view.ts', '.views.ts'],
      controllerFileNameSuffix: ['.controller.ts'],
      introspectComments: true,
      classValidatorShim: true,
      esmCompatible: true,
      pathToSource: join(root, 'src'),
    });
    new PluginMetadataGenerator().generate({
      tsProgramRef: programOfSources(),
      visitors: [visitor],
      outputDir,
      filename: 'metadata.ts',
    });
    return readFileSync(join(outputDir, 'metadata.ts'), 'utf8');
  } finally {
    rmSync(outputDir, { recursive: true, force: true });
  }
}

const text = generate();
if (!process.argv.includes('--check')) writeFileSync(target, text);
else if (readFileSync(target, 'utf8') !== text) {
  console.error('src/metadata.ts is behind the sources: run `npm run openapi:metadata` and commit it.');
  process.exit(1);
}
