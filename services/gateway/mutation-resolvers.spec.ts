import { describe, expect, it } from 'vitest';
import { Rejection } from '#libs/domain/rejection.js';
import { decodePayload } from '#libs/domain/wire/payload-codec.js';
import type { EncodedEvent } from '#libs/log/event-record.js';
import { Progress } from '#libs/projecting/progress.js';
import type { AcceptedBatch } from '../ingest/accept-events.js';
import type { GatewayContext } from './gateway-context.js';
import { mutationResolvers } from './mutation-resolvers.js';

const parent = { id: 'r', name: 'first', project: 'p', attempts: [{ number: 1 }, { number: 7 }] };
type Resolver = (parent: unknown, args: Record<string, unknown>, context: GatewayContext) => unknown;

/** A gateway whose log takes or refuses what it is given, over read models that hold one run. */
function gateway(answer: (id: string) => AcceptedBatch['results'][number] | Promise<never>, run = parent) {
  const said: { head: object; name: string; data: Record<string, unknown> }[] = [];
  const shown: string[] = [];
  const find = (id: string) => Promise.resolve(shown.push(id) && id !== 'gone' ? { ...run, id } : null);
  const log = { partitionCount: () => 1, ranges: () => Promise.resolve([{ topic: 'runs', partition: 0, end: 0 }]) };
  const progress = new Progress();
  progress.moved('runs', { topic: 'runs', partition: 0 }, 0);
  const backend = { runTable: { run: find }, families: [], progress, log, newId: () => 'new', clock: () => 5 };
  const accept = async (batch: readonly { id: string; event: EncodedEvent }[]) => {
    for (const { event } of batch) {
      const { name, payload, ...head } = event;
      said.push({ head, name, data: decodePayload(name, payload) as unknown as Record<string, unknown> });
    }
    return { results: [await answer(batch[0]!.id)], position: '' };
  };
  const context = { backend, acceptor: { accept } } as unknown as GatewayContext;
  const ask = async (name: keyof typeof mutationResolvers, args: Record<string, unknown>) =>
    (mutationResolvers[name] as Resolver)({}, args, context);
  return { ask, said, shown };
}
const taking = () => gateway((id) => ({ id, status: 'accepted' }));

describe('what a person does', () => {
  const id = 'r';
  it.each([
    ['createProject', { name: 'p' }, 'p', 'ProjectCreated', { description: '', tags: {}, world: '', title: '' }],
    ['createProject', { name: 'p', description: 'd' }, 'p', 'ProjectCreated', { description: 'd' }],
    ['renameRun', { id, name: 'n' }, id, 'RunRenamed', { name: 'n' }],
    ['tagRun', { id }, id, 'TagsSet', { tags: {}, removed: [], labels: [], labelsRemoved: [] }],
    [
      'tagRun',
      { id, set: [{ key: 'a', value: 'b' }], remove: ['c'], addLabels: ['d'], removeLabels: ['e'] },
      id,
      'TagsSet',
      { tags: { a: 'b' }, removed: ['c'], labels: ['d'], labelsRemoved: ['e'] },
    ],
    ['noteRun', { id, text: 't' }, id, 'NoteSet', { text: 't' }],
    ['groupRun', { id, group: 'g' }, id, 'RunMoved', { project: 'p', group: 'g' }],
    ['archiveRun', { id }, id, 'RunArchived', {}],
    ['restoreRun', { id }, id, 'RunRestored', {}],
    ['deleteRun', { id }, id, 'RunDeleted', {}],
    [
      'forkRun',
      { id, step: 3 },
      'new',
      'RunForked',
      { fromRun: id, fromAttempt: 7, fromStep: 3, project: 'p', name: 'first (fork)' },
    ],
    [
      'forkRun',
      { id, step: 3, newId: 'child', attempt: 2, name: 'n' },
      'child',
      'RunForked',
      { fromRun: id, fromAttempt: 2, fromStep: 3, project: 'p', name: 'n' },
    ],
    ['finishRun', { id }, id, 'RunFinished', { state: 'finished', reason: '', exitCode: 0, wholeRun: true }],
    ['finishRun', { id, state: 'FAILED', reason: 'oom' }, id, 'RunFinished', { state: 'failed', reason: 'oom' }],
    ['finishRun', { id, state: 'KILLED' }, id, 'RunFinished', { state: 'killed' }],
  ] as const)('by %s with %j is said to the log as one command of %s', async (name, args, subject, event, data) => {
    const { ask, said } = taking();
    await ask(name, args);
    const head = { id: 'new', source: 'gateway', subject, timeMs: 5, writer: null, reply: true };
    expect(said).toMatchObject([{ head, name: event }]);
    // what is not on the wire is read as its zero value
    for (const [key, value] of Object.entries(data)) expect(said[0]!.data[key], key).toEqual(value);
  });

  it('is answered with the run that it is about, and with none that was deleted', async () => {
    const { ask } = taking();
    expect(await ask('renameRun', { id, name: 'n' })).toMatchObject({ run: { id } });
    expect(await ask('forkRun', { id, step: 3, newId: 'child' })).toMatchObject({ run: { id: 'child' } });
    expect(await ask('deleteRun', { id })).toMatchObject({ run: null });
  });

  it('to a run without attempts forks its first', async () => {
    const { ask, said } = gateway((eventId) => ({ id: eventId, status: 'accepted' }), { ...parent, attempts: [] });
    await ask('forkRun', { id, step: 1 });
    expect(said).toMatchObject([{ data: { fromAttempt: 1 } }]);
  });

  it('to a run that is not there is refused and said to nobody', async () => {
    const { ask, said, shown } = taking();
    const error = { code: 'NOT_FOUND', message: 'run gone is not there', field: 'id' };
    expect(await ask('forkRun', { id: 'gone', step: 1 })).toEqual({ error });
    expect([said, shown]).toEqual([[], ['gone', 'gone']]);
  });

  it('is refused with every reason that the log gives, or with a plain one', async () => {
    const bare = gateway((eventId) => ({ id: eventId, status: 'refused' }));
    expect(await bare.ask('archiveRun', { id })).toEqual({
      position: '',
      error: { code: 'INVALID_ARGUMENT', message: 'refused', field: null },
    });
    expect(bare.shown).toEqual([]);
    const thrown = gateway(() => Promise.reject(new Rejection('LIMIT_EXCEEDED', 'too many')));
    expect(await thrown.ask('archiveRun', { id })).toEqual({
      error: { code: 'LIMIT_EXCEEDED', message: 'too many', field: null },
    });
  });

  it('fails where the log fails: that is no refusal', async () => {
    const { ask } = gateway(() => Promise.reject(new Error('the log is away')));
    await expect(ask('archiveRun', { id })).rejects.toThrow('the log is away');
  });
});
