/** Everything is compiled to CommonJS: CommonJS packages that require the ESM Nest cannot run under --experimental-vm-modules. */
const esmPackages = [
  '@nestjs/',
  '@fastify/',
  'fastify/',
  'light-my-request/',
  'cookie/',
  'content-disposition/',
  'file-type/',
  'strtok3/',
  'token-types/',
  'uint8array-extras/',
  '@borewit/',
  '@tokenizer/',
  'uuid/',
  // CommonJS, but with import() in it, which cannot run in a test as it is.
  '@opentelemetry/otlp-exporter-base/',
];

// Tests wait for the database most of the time: on two cores, two workers.
const workers = Math.max(2, require('node:os').availableParallelism() - 1);

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  maxWorkers: workers,
  // A process that has run dozens of applications holds gigabytes, and collecting them stops it for seconds: longer than servers wait.
  workerIdleMemoryLimit: '1500MB',
  roots: ['<rootDir>/src', '<rootDir>/test'],
  testMatch: ['**/*.spec.ts', '**/*.e2e.ts'],
  transform: {
    '^.+\\.(t|j|mj)s$': [
      '@swc/jest',
      {
        swcrc: false,
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          target: 'es2023',
          keepClassNames: true,
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
        },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  transformIgnorePatterns: [`/node_modules/(?!(${esmPackages.join('|')}))`],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': ['$1.ts', '$1.js', '$1'] },
  globalSetup: '<rootDir>/test/harness/global-setup.cjs',
  globalTeardown: '<rootDir>/test/harness/global-teardown.cjs',
  // Only ends what hangs: a busy machine takes many times as long as a quiet one. No test has a limit of its own.
  testTimeout: 300_000,
};
