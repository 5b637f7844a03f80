// Breaks the code on purpose, one line at a time, and counts per folder what no test saw (decision 0047). Arguments: some of the folders.
// Fails below 85 % in any of them; stryker.config.mjs lists the files, survivors are printed as they are found.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { Stryker } from '@stryker-mutator/core';
import { createVitest } from 'vitest/node';
import config from '../stryker.config.mjs';

const scoreMin = 85;
const folderOf = (path) => path.split('/').slice(0, 2).join('/');
const all = [...new Set(config.mutate.map(folderOf))];
const unknown = process.argv.slice(2).filter((folder) => !all.includes(folder));
if (unknown.length > 0) {
  console.error(`no folder of stryker.config.mjs: ${unknown.join(', ')}; there are ${all.join(', ')}`);
  process.exit(2);
}
const folders = process.argv.length > 2 ? process.argv.slice(2) : all;

/**
 * Of one folder, by its own specs: what only others notice is not said where it is kept. First the quickest specs, all in one process, see what they
 * can; then all of them, each in its own, are shown what is left.
 */
async function scoreOf(folder) {
  const mutate = config.mutate.filter((path) => folderOf(path) === folder);
  const name = `test/output/mutation-${folder.replace('/', '-')}`;
  const incrementalFile = `${name}.incremental.json`;
  await rm(incrementalFile, { force: true });
  let results = [];
  for (const configFile of ['vitest.mutation.quick.config.ts', config.vitest.configFile]) {
    const vitest = { ...config.vitest, configFile, related: false, dir: folder };
    const jsonReporter = { fileName: `${name}.json` };
    const rounds = { incremental: true, incrementalFile };
    results = await new Stryker({ ...config, ...rounds, mutate, vitest, jsonReporter }).runMutationTest();
    await keepHung(incrementalFile);
  }
  const count = (...statuses) => results.filter(({ status }) => statuses.includes(status)).length;
  const seen = count('Killed', 'Timeout');
  const survived = count('Survived', 'NoCoverage');
  const silent = await silentSpecs(folder, `${name}.json`);
  if (silent.length > 0) throw new Error(`these specs said nothing, the figure would be that of the others: ${silent}`);
  return { folder, seen, survived, score: (100 * seen) / Math.max(1, seen + survived) };
}

/** A break that made a spec hang has been seen: the next round need not wait for it once more. */
async function keepHung(incrementalFile) {
  const report = JSON.parse(await readFile(incrementalFile, 'utf8'));
  for (const mutant of Object.values(report.files).flatMap(({ mutants }) => mutants))
    if (mutant.status === 'Timeout')
      Object.assign(mutant, { status: 'Killed', killedBy: mutant.coveredBy?.slice(0, 1) });
  await writeFile(incrementalFile, JSON.stringify(report));
}

/** Stryker passes over a spec that does not load, for the lack of a generated file for example. */
async function silentSpecs(folder, report) {
  const vitest = await createVitest('test', { config: config.vitest.configFile, dir: folder, watch: false });
  const specs = (await vitest.globTestSpecifications()).map(({ moduleId }) => relative(process.cwd(), moduleId));
  await vitest.close();
  const { testFiles } = JSON.parse(await readFile(report, 'utf8'));
  return specs.filter((spec) => !(spec in testFiles));
}

const scores = [];
for (const folder of folders) scores.push(await scoreOf(folder));
for (const { folder, seen, survived, score } of scores)
  console.log(
    `${score >= scoreMin ? 'ok  ' : 'FAIL'} ${folder}: ${score.toFixed(1)} % of ${seen + survived} breaks seen`,
  );
process.exit(scores.every(({ score }) => score >= scoreMin) ? 0 : 1);
