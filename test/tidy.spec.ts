import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' })
  .split('\n')
  .filter((file) => file !== '');
const read = (file: string): string => readFileSync(file, 'utf8');
const sources = files.filter((file) => /\.(ts|tsx)$/.test(file) && /^(libs|services|test|demo)\//.test(file));
const linesMax = 400;
/** Give a port that wraps one they are given; their own specs play them. */
const decorators = new Set(['withLineage']);
/** By itself, or through the rig beside the spec. */
const opens = (spec: string, name: string): boolean =>
  spec.includes(`${name}(`) ||
  [...spec.matchAll(/from '[^']*\/(\w[\w-]*-rig)\.js'/g)].some(([, rig]) =>
    sources.some((file) => file.endsWith(`/${rig}.ts`) && read(file).includes(`${name}(`)),
  );

describe('the house', () => {
  it('plays the contract of its port against every adapter', () => {
    const contracts = sources.flatMap((file) =>
      file.endsWith('.contract.ts')
        ? [...read(file).matchAll(/^export function describe(\w+)\(/gm)].map(([, port]) => port!)
        : [],
    );
    const specs = sources.filter((file) => file.endsWith('.spec.ts')).map(read);
    const opener = /^export (?:async )?function (\w+)\((?:(?!\n\}\n)[\s\S])*?\): (?:Promise<)?(\w+)>? \{$/gm;
    const adapters = sources
      .filter((file) => file.startsWith('libs/') && !/\.(spec|contract|examples)\.ts$|\/test\//.test(file))
      .flatMap((file) => [...read(file).matchAll(opener)].map(([, name, port]) => ({ file, name: name!, port: port! })))
      .filter(({ port, name }) => contracts.includes(port) && !decorators.has(name));
    const ports = new Set(adapters.map(({ port }) => port));
    for (const port of ['EventLog', 'ArtifactStore', 'MetricStore', 'RunTable', 'TrackingTables', 'ModelRegistry'])
      expect(ports, port).toContain(port);
    const unplayed = adapters.filter(
      ({ name, port }) => !specs.some((spec) => spec.includes(`describe${port}(`) && opens(spec, name)),
    );
    expect(unplayed).toEqual([]);
  });

  it('describes every event in docs/protocol.md', () => {
    const events = [...read('libs/domain/event-table.ts').matchAll(/^ {2}(\w+): \{ kind: '/gm)].map(
      ([, name]) => name!,
    );
    expect(events.length).toBeGreaterThan(40);
    const described = read('docs/protocol.md');
    expect(events.filter((name) => !new RegExp(`\\b${name}\\b`).test(described))).toEqual([]);
  });

  it('has the tables of both SDKs as runstream.proto says', () => {
    const script =
      "import { sdkSchemas } from './tools/sdk-schema.mjs'; process.stdout.write(JSON.stringify(sdkSchemas()))";
    const tables = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    for (const [path, text] of Object.entries(JSON.parse(tables) as Record<string, string>))
      expect(read(path), path).toBe(text);
  });

  it('asks every question that the page has written down', () => {
    const page = sources.filter((file) => file.startsWith('services/dashboard/src/')).map(read);
    const questions = files
      .filter((file) => /^services\/dashboard\/.*\.graphql$/.test(file))
      .flatMap((file) => [...read(file).matchAll(/^(?:query|mutation|subscription) (\w+)/gm)].map(([, name]) => name!));
    expect(questions.length).toBeGreaterThan(30);
    expect(questions.filter((name) => !page.some((text) => text.includes(`${name}Document`)))).toEqual([]);
  });

  it('reads the environment in config, the command line and the SDKs only', () => {
    const allowed = /^(libs\/config\/|libs\/sdk-|services\/cli\/program\.ts|demo\/|test\/|services\/dashboard\/vite)/;
    const readers = sources.filter(
      (file) => !allowed.test(file) && !file.includes('.spec.') && /process\.env\b/.test(read(file)),
    );
    expect(readers).toEqual([]);
  });

  it(`has no file of more than ${linesMax} lines`, () => {
    const long = sources
      .map((file) => [file, read(file).split('\n').length] as const)
      .filter(([, lines]) => lines > linesMax);
    expect(long).toEqual([]);
  });

  it('has one title in each document', () => {
    for (const file of files.filter((name) => /^(docs\/.*|README)\.md$/.test(name))) {
      const titles = read(file)
        .replaceAll(/^```[\s\S]*?^```/gm, '')
        .match(/^# .+$/gm);
      expect(titles, file).toHaveLength(1);
    }
  });

  it('has no left-over work and no test that is switched off', () => {
    const mark = new RegExp(`\\b(${['TO', 'DO'].join('')}|${['FIX', 'ME'].join('')})\\b`);
    const off = new RegExp(`\\b(it|test|describe)\\.(${['on', 'ly'].join('')}|${['to', 'do'].join('')})\\b`);
    expect(sources.filter((file) => mark.test(read(file)) || off.test(read(file)))).toEqual([]);
  });

  it('pins every dependency exactly', () => {
    const manifest = JSON.parse(read('package.json')) as {
      dependencies: Record<string, string>;
      devDependencies: Record<string, string>;
    };
    const loose = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }).filter(
      ([, version]) => !/^\d+\.\d+\.\d+$/.test(version),
    );
    expect(loose).toEqual([]);
  });
});
