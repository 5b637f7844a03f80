/** The arrows of the house (docs/architecture.md): domain <- log <- projecting <- registry <- runs; metrics, live <- backend <- services. */
const lib = (name) => `^libs/${name}/`;
const test = '\\.(spec|contract|examples)\\.ts$|^test/|/test/|append-until-killed-child';

/** Rooms of one lib that do not see each other: what they share lies beside them. */
const apart = (name, rooms) =>
  rooms.map((room) => ({
    name: `rooms-of-${name}: ${room}`,
    severity: 'error',
    from: { path: `${lib(name)}${room}/`, pathNot: test },
    to: { path: `${lib(name)}(${rooms.filter((other) => other !== room).join('|')})/` },
  }));
/** The rooms below know nothing of those above. */
const below = (name, low, high) => ({
  name: `rooms-of-${name}: below ${high}`,
  severity: 'error',
  from: { path: `${lib(name)}${low}`, pathNot: test },
  to: { path: `${lib(name)}(${high})/` },
});

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'domain-stands-alone',
      severity: 'error',
      from: { path: lib('domain'), pathNot: test },
      to: { path: '^(libs|services)/', pathNot: lib('domain') },
    },
    {
      name: 'log-knows-domain-only',
      severity: 'error',
      from: { path: lib('log'), pathNot: test },
      to: { path: '^(libs|services)/', pathNot: '^libs/(domain|log|config)/' },
    },
    {
      name: 'projecting-knows-log-and-domain',
      severity: 'error',
      from: { path: lib('projecting'), pathNot: test },
      to: { path: '^(libs|services)/', pathNot: '^libs/(domain|log|projecting)/' },
    },
    ...['runs', 'metrics', 'live', 'artifacts'].map((name, _, all) => ({
      name: `${name}-knows-no-neighbour`,
      severity: 'error',
      from: { path: lib(name), pathNot: test },
      to: { path: `^libs/(${all.filter((other) => other !== name).join('|')}|backend)/` },
    })),
    {
      name: 'registry-knows-no-runs',
      severity: 'error',
      from: { path: lib('registry'), pathNot: test },
      to: { path: '^libs/(runs|metrics|live|backend)/' },
    },
    ...apart('log', ['segment', 'kafka']),
    below('log', '[^/]+$', 'segment|kafka'),
    ...apart('metrics', ['writing', 'reading', 'sql']),
    below('metrics', '(tables/|[^/]+$)', 'writing|reading|sql'),
    ...apart('runs', ['folding', 'reading', 'rules']),
    below('runs', '(tables/|[^/]+$)', 'folding|reading'),
    {
      name: 'what-all-client-apis-share-knows-no-client',
      severity: 'error',
      from: { path: '^services/doors/shared/' },
      to: { path: '^services/doors/', pathNot: '^services/doors/shared/' },
    },
    { name: 'libs-know-no-services', severity: 'error', from: { path: '^libs/' }, to: { path: '^services/' } },
    {
      name: 'libs-know-no-frameworks',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: 'node_modules/(@nestjs|@apollo|graphql|graphql-ws|fastify)/' },
    },
    {
      name: 'drivers-only-in-files-named-after-them',
      severity: 'error',
      from: {
        path: '^(libs|services)/',
        pathNot: '(^|/)(clickhouse|kafka|postgres|pglite|minio|s3)[a-z-]*\\.ts$|^libs/(clickhouse|postgres)/|' + test,
      },
      to: { path: 'node_modules/(@clickhouse|kafkajs|pg|@electric-sql|minio|chdb|ffi-rs)/' },
    },
    {
      name: 'adapters-only-from-backend',
      severity: 'error',
      from: { path: '^(libs|services)/', pathNot: `^libs/(backend|clickhouse|postgres)/|${test}|^services/cli/verify` },
      to: {
        path: '(segment-event-log|kafka-event-log|disk-artifact-store|minio-artifact-store|clickhouse-metric-store|postgres-run-table|postgres-tracking-tables|postgres-model-registry)\\.ts$',
      },
    },
    {
      name: 'dashboard-knows-only-the-schema',
      severity: 'error',
      from: { path: '^services/dashboard/' },
      to: { path: '^(libs|services)/', pathNot: '^services/dashboard/' },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      from: {
        orphan: true,
        path: '^(libs|services)/',
        pathNot: '\\.d\\.ts$|vite\\.config|sdk-|-child\\.ts$|-worker\\.ts$',
      },
      to: {},
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: { path: '^(libs|services)/' },
      to: { couldNotResolve: true, pathNot: 'generated|^virtual:' },
    },
    {
      name: 'no-dev-dependencies',
      severity: 'error',
      from: { path: '^(libs|services)/', pathNot: `${test}|^services/dashboard/` },
      to: { dependencyTypes: ['npm-dev'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/|/generated/|sdk-python|sdk-typescript/dist' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      conditionNames: ['source', 'types', 'import', 'node', 'default'],
      exportsFields: ['exports'],
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.d.ts'],
    },
  },
};
