import { readFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { buildSchema } from 'graphql';
import { describe, expect, it } from 'vitest';
import { partitionOf } from '#libs/log/event-record.js';
import { Progress } from '#libs/projecting/progress.js';
import type { AcceptedBatch } from '../ingest/accept-events.js';
import type { GatewayContext } from './gateway-context.js';
import { mutationResolvers } from './mutation-resolvers.js';
import { queryResolvers } from './query-resolvers.js';
import { registryQueries } from './registry-resolvers.js';
import { trackingQueries } from './tracking-queries.js';

const schema = buildSchema(readFileSync(new URL('./schema.graphql', import.meta.url), 'utf8'));
const position = 'runs/0@5,catalog/0@2';
const run = { id: 'r', name: 'first', project: 'p', attempts: [{ number: 1 }, { number: 2 }] };
const noRows = { rows: [], cursors: [], hasNextPage: false, totalCount: 0 };

type Resolver = (parent: unknown, args: Record<string, unknown>, context: GatewayContext) => unknown;

/** A gateway whose events are taken as told, over read models that are where the test says. */
function gateway(results: AcceptedBatch['results'] = [{ id: 'e', status: 'accepted' }]) {
  const progress = new Progress();
  for (const family of ['runs', 'points'])
    for (const topic of ['runs', 'catalog'] as const) progress.moved(family, { topic, partition: 0 }, 1);
  const asked = { runs: 0, known: true };
  const events: string[] = [];
  const runTable = {
    run: () => Promise.resolve(asked.runs++ === 0 && !asked.known ? null : run),
    project: () => Promise.resolve(null),
    projects: () => Promise.resolve(noRows),
    search: () => Promise.resolve(noRows),
    groups: () => Promise.resolve({ runCount: 0, groupCount: 0, groups: [] }),
  };
  const registry = {
    models: () => Promise.resolve([]),
    versions: () => Promise.resolve([]),
    model: () => Promise.resolve(null),
  };
  const tracking = {
    models: { ofProjects: () => Promise.resolve([]), metrics: () => Promise.resolve(new Map()) },
    datasets: () => Promise.resolve(noRows),
    traces: {
      search: () => Promise.resolve([]),
      count: () => Promise.resolve(0),
      byId: () => Promise.resolve([]),
    },
  };
  const loggedModels = { load: () => Promise.resolve(null) };
  const runs = { load: () => Promise.resolve(run) };
  const log = { partitionCount: () => 1, ranges: () => Promise.resolve([{ topic: 'runs', partition: 0, end: 9 }]) };
  const families = [{ name: 'runs' }, { name: 'points' }];
  const backend = { runTable, registry, tracking, progress, families, log, newId: () => 'new', clock: () => 1 };
  const accept = (batch: readonly { event: { name: string } }[]) => {
    events.push(...batch.map(({ event }) => event.name));
    return Promise.resolve({ results, position });
  };
  const context = { backend, acceptor: { accept }, nowMs: 1, loggedModels, runs } as unknown as GatewayContext;
  return { context, progress, asked, events };
}
const args = { id: 'r', ids: ['r'], name: 'n', text: 't', group: 'g', step: 3, first: 5 };

/** Whether it is answered while the named projections have reached the position. */
async function answeredAt(work: Promise<unknown>, progress: Progress): Promise<boolean[]> {
  let answered = false;
  void work.then(() => (answered = true));
  const seen = [];
  await turn();
  seen.push(answered);
  for (const [family, topic, at] of [
    ['runs', 'catalog', 2],
    ['runs', 'runs', 5],
    ['points', 'catalog', 2],
    ['points', 'runs', 4],
  ] as const) {
    progress.moved(family, { topic, partition: 0 }, at);
    await turn();
    seen.push(answered);
  }
  progress.moved('points', { topic: 'runs', partition: 0 }, 5);
  await work;
  return [...seen, answered];
}
const onlyAtTheEnd = [false, false, false, false, false, true];

describe('a command', () => {
  const names = Object.keys(schema.getMutationType()!.getFields());

  it.each(names)('%s is answered when every read model contains it', async (name) => {
    const { context, progress, events } = gateway();
    const resolver = mutationResolvers[name as keyof typeof mutationResolvers] as Resolver;
    const work = Promise.resolve(resolver({}, args, context));
    expect(await answeredAt(work, progress)).toEqual(onlyAtTheEnd);
    expect(await work).toMatchObject({ position });
    expect(events).toHaveLength(1);
  });

  it('that is refused says why, and waits for nothing', async () => {
    const { context } = gateway([{ id: 'e', status: 'refused', code: 'NOT_FOUND', message: 'no run', field: 'id' }]);
    expect(await (mutationResolvers.renameRun as Resolver)({}, args, context)).toEqual({
      position,
      error: { code: 'NOT_FOUND', message: 'no run', field: 'id' },
    });
    const wrong = await (mutationResolvers.renameRun as Resolver)({}, { ...args, id: '' }, context);
    expect(wrong).toMatchObject({ error: { code: 'INVALID_ARGUMENT' } });
    const running = await (mutationResolvers.finishRun as Resolver)({}, { ...args, state: 'RUNNING' }, context);
    expect(running).toMatchObject({ error: { code: 'INVALID_ARGUMENT', field: 'state' } });
  });

  it('to fork a run looks for it once more when all that is in the log now is applied', async () => {
    const { context, progress, asked } = gateway();
    asked.known = false;
    expect(partitionOf('r', 1)).toBe(0);
    const work = (mutationResolvers.forkRun as Resolver)({}, args, context) as Promise<unknown>;
    await turn();
    expect(asked.runs).toBe(1);
    progress.moved('runs', { topic: 'runs', partition: 0 }, 8);
    await turn();
    expect(asked.runs).toBe(1);
    progress.moved('runs', { topic: 'runs', partition: 0 }, 9);
    progress.moved('runs', { topic: 'catalog', partition: 0 }, 9);
    for (const topic of ['runs', 'catalog'] as const) progress.moved('points', { topic, partition: 0 }, 9);
    expect(await work).toMatchObject({ position });
  });
});

describe('a read', () => {
  const fields = Object.values(schema.getQueryType()!.getFields());
  const names = fields.filter(({ args }) => args.some(({ name }) => name === 'at')).map(({ name }) => name);
  const resolvers: Record<string, unknown> = { ...queryResolvers, ...registryQueries, ...trackingQueries };

  it.each(names)('of %s that names a position sees at least that', async (name) => {
    const { context, progress } = gateway();
    const ask = (at?: string) => Promise.resolve((resolvers[name] as Resolver)({}, { ...args, at }, context));
    expect(await answeredAt(ask(position), progress)).toEqual(onlyAtTheEnd);
    await expect(ask('nonsense')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await ask('');
    await ask();
  });
});
