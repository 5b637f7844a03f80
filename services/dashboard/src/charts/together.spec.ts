import { describe, expect, it } from 'vitest';
import { Together } from './together.js';

function charts(keysMax = 100, refuses = (_: readonly string[]) => false) {
  const asked: (readonly [string, readonly string[]])[] = [];
  const together = new Together<string, { refused: boolean; keys: readonly string[] }>(
    (same, keys) => {
      asked.push([same, keys]);
      return Promise.resolve({ refused: refuses(keys), keys });
    },
    () => keysMax,
    ({ refused }) => refused,
  );
  return { asked, together };
}

describe('charts that are asked together', () => {
  it('are one question for those that differ in their key only', async () => {
    const { asked, together } = charts();
    const answers = await Promise.all([
      together.answer('a', 'loss'),
      together.answer('b', 'loss'),
      together.answer('a', 'acc'),
      together.answer('a', 'loss'),
    ]);
    expect(asked).toEqual([
      ['a', ['loss', 'acc']],
      ['b', ['loss']],
    ]);
    expect(answers[2]!.keys).toEqual(['loss', 'acc']);
    await together.answer('a', 'later');
    expect(asked[2]).toEqual(['a', ['later']]);
  });

  it('are several questions where one would be too large', async () => {
    const { asked, together } = charts(2);
    await Promise.all(['1', '2', '3'].map((key) => together.answer('a', key)));
    expect(asked.map(([, keys]) => keys)).toEqual([['1', '2'], ['3']]);
  });

  it('are each asked alone where all together were refused: the fault of one is not shown on others', async () => {
    const { together } = charts(100, (keys) => keys.includes('bad'));
    const answers = await Promise.all(['good', 'bad'].map((key) => together.answer('a', key)));
    expect(answers.map(({ refused }) => refused)).toEqual([false, true]);
  });
});
