import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** What docs/contributing.md says of a new event: who has to handle it is named by a tool, and can't be forgotten. */
describe('an event that stands in runstream.proto alone', () => {
  let copy: string;
  beforeAll(() => {
    copy = mkdtempSync(join(tmpdir(), 'new-event-'));
    const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      encoding: 'utf8',
    });
    for (const file of files.split('\0').filter((name) => name !== ''))
      cpSync(file, join(copy, file), { recursive: true });
    symlinkSync(resolve('node_modules'), join(copy, 'node_modules'));
    execFileSync('git', ['init', '--quiet'], { cwd: copy });
    appendFileSync(
      join(copy, 'libs/domain/wire/runstream.proto'),
      '\nmessage MilestoneReached { string name = 1; sint64 step = 2; string note = 3; }\n',
    );
  });
  afterAll(() => rmSync(copy, { recursive: true, force: true }));

  const change = (file: string, before: string, line: string): void => {
    const path = join(copy, file);
    const text = readFileSync(path, 'utf8');
    expect(text, `${file} has no line that begins with ${before}`).toContain(`\n${before}`);
    writeFileSync(path, text.replace(`\n${before}`, `\n${line}\n${before}`));
  };
  /** Files in which the compiler finds something missing. */
  const namedByCompiler = (): string[] => {
    const { stdout } = spawnSync(
      process.execPath,
      ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json', '--noEmit'],
      {
        cwd: copy,
        encoding: 'utf8',
      },
    );
    return [...new Set([...stdout.matchAll(/^(\S+)\(\d+,\d+\): error/gm)].map(([, file]) => file!))].sort();
  };
  /** Titles of the tests of these files that fail. */
  const namedByTests = (...specs: string[]): string[] => {
    const report = join(copy, 'report.json');
    const args = ['run', '--project', 'embedded', '--reporter=json', `--outputFile=${report}`, ...specs];
    const env = { PATH: process.env['PATH'] };
    spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', ...args], { cwd: copy, env });
    const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as {
      testResults: { assertionResults: { title: string; status: string }[] }[];
    };
    return testResults
      .flatMap(({ assertionResults }) => assertionResults)
      .filter(({ status }) => status === 'failed')
      .map(({ title }) => title)
      .sort();
  };

  it('is missed in the tables of the SDKs, and once these are generated, among the events', () => {
    expect(namedByTests('test/tidy.spec.ts')).toEqual(['has the tables of both SDKs as runstream.proto says']);
    execFileSync(process.execPath, ['tools/generate.mjs'], { cwd: copy });
    expect(namedByTests('test/tidy.spec.ts', 'libs/domain/wire/golden.spec.ts')).toEqual([
      'are of every message of runstream.proto that is no part of another and no envelope',
    ]);
  });

  it('among the events, is missed in their table, in the shapes and in the codec', () => {
    const type = '  MilestoneReached: { readonly name: string; readonly step: number; readonly note: string };';
    change('libs/domain/event.ts', '  HeartbeatSent: {', type);
    expect(namedByCompiler()).toEqual([
      'libs/domain/event-shape.ts',
      'libs/domain/event-table.ts',
      'libs/domain/wire/payload-codec.ts',
    ]);
  });

  it('in the table, is missed in each place that its line says, in the examples and in the description', () => {
    change('libs/domain/wire/payload-codec.ts', '  HeartbeatSent: wire.', '  MilestoneReached: wire.MilestoneReached,');
    const line = "  MilestoneReached: { kind: 'run', rows: true, directory: true, noun: true },";
    change('libs/domain/event-table.ts', '  HeartbeatSent: {', line);
    expect(namedByCompiler()).toEqual([
      'libs/domain/event-shape.ts',
      'libs/domain/run-fold.ts',
      'libs/metrics/writing/noun-facts.ts',
      'libs/metrics/writing/run-facts.ts',
      'libs/runs/folding/run-fact-rows.ts',
    ]);
    expect(namedByTests('test/tidy.spec.ts', 'libs/domain/wire/golden.spec.ts')).toEqual([
      'cover every event that a run can have',
      'describes every event in docs/protocol.md',
    ]);
  });

  // a kind's fold, by the first file that says what is missing
  it.each([
    ['project', 'libs/domain/catalog-fold.ts'],
    ['registry', 'libs/domain/registry-fold.ts'],
    ['apiKey', 'libs/runs/folding/apply-catalog.ts'],
    ['loggedModel', 'libs/domain/logged-model-fold.ts'],
    ['file', 'libs/runs/folding/subject-batch.ts'],
    ['trace', 'libs/domain/trace-fold.ts'],
    ['points', 'libs/runs/folding/telemetry-rows.ts'],
    ['lines', 'libs/runs/folding/telemetry-rows.ts'],
    ['heartbeat', 'libs/runs/folding/telemetry-rows.ts'],
  ])('of the kind "%s", is missed in %s', (kind, file) => {
    const table = join(copy, 'libs/domain/event-table.ts');
    const text = readFileSync(table, 'utf8').replace(
      /^ {2}MilestoneReached: .*$/m,
      `  MilestoneReached: { kind: '${kind}' },`,
    );
    writeFileSync(table, text);
    expect(namedByCompiler()).toContain(file);
  });

  it('has every file that is named here in the recipe', () => {
    const recipe = readFileSync('docs/contributing.md', 'utf8');
    for (const file of [
      'event.ts',
      'event-table.ts',
      'event-shape.ts',
      'payload-codec.ts',
      'run-fold.ts',
      'noun-facts.ts',
      'run-facts.ts',
      'run-fact-rows.ts',
    ])
      expect(recipe, file).toContain(file);
  });
});
