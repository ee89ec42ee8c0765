/**
 * The import rules of docs/architecture.md. Floors stand on each other in this order; an import may only go down.
 * Tests may import anything, so `test/` is not cruised and specs are exempt.
 */
const floors = ['platform', 'oversight', 'vault', 'identity', 'crm', 'communications'];
const app = '^src/(app|app\\.module|main|start-process|metadata)\\.ts$|^src/(demo|adoption)/';
/** Small files without state that a feature shows to its neighbours besides its module, services and entities. */
const published = [
  '^src/oversight/security-events/event-(types|buffer)\\.ts$',
  '^src/crm/records/',
  '^src/crm/clients/dto/client\\.view\\.ts$',
  '^src/identity/(api-keys/api-key-format|auth/access-tokens|principals/(bearer-sessions|principal-standing|(scope|step-up)\\.guard))\\.ts$',
  '^src/identity/(passwords/password-(hasher|policy)|scopes/scope-catalogue|sessions/(refresh-(cookie|token)|same-origin\\.guard))\\.ts$',
  '^src/identity/users/(email-address|is-email-address|user-directory)\\.ts$',
];
const specs = '\\.(spec|e2e)\\.ts$';

const oneWay = floors.map((floor, index) => ({
  name: `${floor}-imports-downwards-only`,
  comment: `${floor} may import ${['npm packages', ...floors.slice(0, index)].join(', ')}; move the part that is needed down, or turn the call around with an event.`,
  severity: 'error',
  from: { path: `^src/${floor}/`, pathNot: specs },
  to: { path: [...floors.slice(index + 1).map((above) => `^src/${above}/`), app] },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...oneWay,
    {
      name: 'features-meet-at-the-door',
      comment:
        "A feature uses another feature of its floor through that one's module, service or entity; controllers, repositories and DTOs are private.",
      severity: 'error',
      from: { path: `^src/(${floors.slice(1).join('|')})/([^/]+)/`, pathNot: specs },
      to: {
        path: '^src/$1/[^/]+/',
        pathNot: ['^src/$1/$2/', '\\.(module|service|entity)\\.ts$', ...published],
      },
    },
    {
      name: 'src-imports-src-only',
      comment: 'Tests, benchmarks and migrations know the product; the product does not know them.',
      severity: 'error',
      from: { path: '^src/', pathNot: specs },
      to: { path: '^(test|bench|sdk|console)/|\\.(spec|e2e)\\.ts$' },
    },
    {
      name: 'every-file-has-a-floor',
      comment: `A file of src stands on a floor (${floors.join(', ')}) or belongs to the application itself (app.ts, main.ts, demo/).`,
      severity: 'error',
      from: {},
      to: { path: '^src/', pathNot: [`^src/(${floors.join('|')})/`, app] },
    },
    {
      name: 'no-circular',
      comment: 'Two files that need each other are one file, or want a third.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    ...['from', 'to'].map((side) => ({
      name: `no-barrels-${side}`,
      comment: 'index.ts files hide where things are and tie knots; import the file itself.',
      severity: 'error',
      from: {},
      to: {},
      [side]: { path: '/index\\.[cm]?[jt]s$', pathNot: 'node_modules' },
    })),
    ...['from', 'to'].map((side) => ({
      name: `no-junk-drawers-${side}`,
      comment: 'utils, helpers and shared say nothing; name the folder after what it does.',
      severity: 'error',
      from: {},
      to: {},
      [side]: { path: '/(utils?|helpers?|shared)/', pathNot: 'node_modules' },
    })),
    {
      name: 'not-to-dev-dep',
      comment: 'Production installs without devDependencies.',
      severity: 'error',
      from: { path: '^(src|migrations)/', pathNot: specs },
      to: {
        dependencyTypes: ['npm-dev'],
        dependencyTypesNot: ['type-only'],
        pathNot: 'node_modules/@types/',
      },
    },
    {
      name: 'no-undeclared-package',
      comment: 'The package is not in package.json.',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'not-to-unresolvable',
      comment: 'The import leads nowhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-orphans',
      comment: 'Nothing imports this file and it imports nothing: it is dead, or not wired yet.',
      severity: 'error',
      from: { orphan: true, pathNot: [app, specs, '^migrations/', '\\.cli\\.ts$', '\\.d\\.ts$'] },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
