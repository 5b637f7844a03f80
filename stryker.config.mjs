/** Breaks of the files that carry the laws: `npm run test:mutation`, per folder in docs/figures.md (decision 0047). */
export default {
  mutate: [
    'libs/artifacts/{artifact-names,artifact-space,disk-artifact-store,stale-uploads}.ts',
    'libs/domain/{run-fold,run-fold-attempts,run-fold-facts,run-fold-seqs,run-fold-verdict,catalog-fold,position-token}.ts',
    'libs/log/{decoded-events,tail-cache,kafka/kafka-aborted}.ts',
    'libs/log/segment/{crc32c,directory-lock,group-commit,log-ends,log-meta,partition-log,record-codec}.ts',
    'libs/log/segment/{segment-block,segment-event-log,segment-file,segment-reader,segment-writer}.ts',
    'libs/projecting/{progress,projector,rebuild}.ts',
    'libs/runs/{folding/point-summaries,folding/seq-ledger,folding/telemetry-rows,verdict-board}.ts',
    'libs/runs/rules/{ancestors,completeness,rank-health,run-standing}.ts',
    'services/gateway/{artifacts.controller,graphql-socket,mutation-resolvers,query-limits,read-document,socket-keys,sql-shares}.ts',
    'services/http/{answer-headers,artifact-body,auth,bodies,body-budget,foreign-site,http-adapter}.ts',
  ],
  testRunner: 'vitest',
  vitest: { configFile: 'vitest.mutation.config.ts' },
  plugins: ['@stryker-mutator/vitest-runner'],
  coverageAnalysis: 'perTest',
  concurrency: 2,
  timeoutMS: 4_000,
  // what a module makes when it is loaded: every spec would run for each of them
  ignoreStatic: true,
  // words of messages, which specs look for by a part of them; SQL, which breaks at once or is another statement
  mutator: { excludedMutations: ['StringLiteral'] },
  ignorePatterns: ['dist', 'test/output', 'data', 'docs', 'deploy', 'demo', 'services/dashboard'],
  reporters: ['progress-append-only', 'clear-text', 'json'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false, reportScoreTable: false },
  jsonReporter: { fileName: 'test/output/mutation.json' },
};
