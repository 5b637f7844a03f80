import { expect, it } from 'vitest';
import type { EventData, RichValue } from '#libs/domain/event.js';
import type { MetricStoreUnderTest } from './metric-store.contract.js';
import { startMs } from './test/event-batches.js';

type Under = () => MetricStoreUnderTest;

const rich = (value: Partial<RichValue> & Pick<RichValue, 'key' | 'step'>): RichValue => ({
  timeMs: 0,
  kind: 'text',
  index: 0,
  count: 0,
  mime: '',
  text: '',
  data: new Uint8Array(0),
  digest: '',
  sizeBytes: 0,
  caption: '',
  facts: {},
  ...value,
});

interface Place {
  readonly seq: number;
  readonly rank?: number;
  readonly attempt?: number;
  readonly more?: Partial<EventData['ValuesLogged']>;
}

export function describeMedia(under: Under): void {
  const logged = (run: string, { seq, rank = 0, attempt = 1, more = {} }: Place, ...values: readonly RichValue[]) =>
    ({
      name: 'ValuesLogged',
      subject: run,
      writer: { id: `w.${attempt}.${rank}`, attempt, rank, seq },
      data: { values, attemptStartedAtMs: startMs + attempt, rewindTo: 0, hasRewindTo: false, ...more },
    }) as const;
  const words = async (run: string, more: { readonly first?: number; readonly keys?: readonly string[] } = {}) =>
    (await under().store.media({ run, first: 100, ...more })).values.map(
      ({ key, step, rank, index, text }) => `${key} ${step} ${rank} ${index} ${text}`,
    );

  it('keeps what a value holds, in each of three ways', async () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    await under().write([
      logged(
        'rich',
        { seq: 1, rank: 3 },
        rich({ key: 'a/näme 😀', step: 7, kind: 'histogram', text: '{"counts":[1]}', mime: 'application/json' }),
        rich({
          key: 'image',
          step: 7,
          kind: 'image',
          data: Uint8Array.of(0, 255, 10),
          mime: 'image/png',
          caption: 'a "cap"',
        }),
        rich({
          key: 'video',
          step: 7,
          kind: 'video',
          digest,
          sizeBytes: 12,
          facts: { width: '3', __proto__x: 'y' },
          timeMs: 5,
        }),
      ),
    ]);
    const { values } = await under().store.media({ run: 'rich', first: 10 });
    expect(values).toMatchObject([
      {
        key: 'a/näme 😀',
        step: 7,
        rank: 3,
        attempt: 1,
        kind: 'histogram',
        text: '{"counts":[1]}',
        data: '',
        digest: '',
      },
      { key: 'image', data: Buffer.of(0, 255, 10).toString('base64'), mime: 'image/png', caption: 'a "cap"' },
      { key: 'video', digest, sizeBytes: 12, facts: { width: '3', __proto__x: 'y' }, timeMs: 5 },
    ]);
    expect(await under().store.mediaKeys('rich')).toEqual([
      { key: 'a/näme 😀', kind: 'histogram', steps: [7], stepCount: 1, ranks: [3] },
      { key: 'image', kind: 'image', steps: [7], stepCount: 1, ranks: [3] },
      { key: 'video', kind: 'video', steps: [7], stepCount: 1, ranks: [3] },
    ]);
    expect(await under().store.mediaKeys('nobody')).toEqual([]);
  });

  it('shows of a step what was logged there last, and nothing of what it was before', async () => {
    const three = ['a', 'b', 'c'].map((text, index) => rich({ key: 'k', step: 1, index, count: 3, text }));
    const one = rich({ key: 'k', step: 1, text: 'alone' });
    const later = logged('again', { seq: 2 }, one);
    // the newer one is known by its number, whichever comes first
    await under().write([later]);
    await under().write([logged('again', { seq: 1 }, ...three), later]);
    expect(await words('again')).toEqual(['k 1 0 0 alone']);
  });

  it('shows what a later attempt logged again, and hides what it goes back behind', async () => {
    const at = (step: number, text: string) => rich({ key: 'k', step, text });
    await under().write([
      logged('restarted', { seq: 1 }, at(1, 'first'), at(2, 'first'), at(3, 'first')),
      logged('restarted', { seq: 1, rank: 1 }, at(2, 'other rank')),
      logged('restarted', { seq: 1, attempt: 2 }, at(2, 'second')),
    ]);
    expect(await words('restarted')).toEqual([
      'k 1 0 0 first',
      'k 2 0 0 second',
      'k 2 1 0 other rank',
      'k 3 0 0 first',
    ]);
    await under().write([
      logged('restarted', { seq: 1, attempt: 3, more: { hasRewindTo: true, rewindTo: 2 } }, at(5, 'third')),
    ]);
    expect(await words('restarted')).toEqual(['k 1 0 0 first', 'k 5 0 0 third']);
    expect((await under().store.mediaKeys('restarted'))[0]).toMatchObject({ steps: [1, 5], stepCount: 2, ranks: [0] });
  });

  it('pages through values, and finds those of some keys, ranks and steps', async () => {
    await under().write(
      [0, 1].map((rank) =>
        logged(
          'many',
          { seq: 1, rank },
          ...['a.b', "it's"].flatMap((key) => [1, 2, 3].map((step) => rich({ key, step, text: `${rank}` }))),
        ),
      ),
    );
    const all = await words('many');
    expect(all).toHaveLength(12);
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await under().store.media({ run: 'many', first: 5, after });
      seen.push(...page.values.map(({ key, step, rank, index, text }) => `${key} ${step} ${rank} ${index} ${text}`));
      after = page.hasNextPage ? page.endCursor! : undefined;
    } while (after !== undefined);
    expect(seen).toEqual(all);
    const some = await under().store.media({ run: 'many', keys: ["it's"], ranks: [1], from: 2, to: 3, first: 10 });
    expect(some.values.map(({ key, step, rank }) => [key, step, rank])).toEqual([["it's", 2, 1]]);
    expect(await words('many', { keys: [] })).toEqual([]);
    await expect(under().store.media({ run: 'many', first: 5, after: 'x' })).rejects.toMatchObject({ field: 'after' });
  });
}
