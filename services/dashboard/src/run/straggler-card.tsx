import { useMemo, type ReactElement } from 'react';
import { perKey, ofKey } from '../data/per-key.js';
import { useGraph } from '../data/use-graph.js';
import { formatNumber } from '../format/format.js';
import { BandsDocument, type RankStateFragment } from '../generated/questions.js';
import { findStraggler, tellingKeys, type Straggler } from './straggler.js';

const recentSteps = 400;
const round = (value: number): string => formatNumber(Number(value.toPrecision(3)));
const times = (a: number, b: number): string => (b > 0 ? `${(a / b).toFixed(a / b < 10 ? 1 : 0)}×` : 'far above');

/** What is true of the job's pace, and how it is known. */
export function stragglerWords(found: Straggler): { title: string; why: string } {
  const together = 'All ranks keep step, as ranks that wait for each other do, so the time of a step names nobody; ';
  switch (found.kind) {
    case 'works':
      return {
        title: `Rank ${found.rank} holds the others up`,
        why: `${found.lockstep ? together : ''}its own work does: ${found.key} ${round(found.value)}, ${times(found.value, found.median)} the median of ${round(found.median)}.`,
      };
    case 'waits':
      return {
        title: `Rank ${found.rank} holds the others up`,
        why: `${found.lockstep ? together : ''}it waits least: ${found.key} ${round(found.value)}, the median is ${round(found.median)}. The others wait for it.`,
      };
    case 'steps':
      return {
        title: `Rank ${found.rank} is the slowest`,
        why: `Its steps take ${round(found.value)} ms, ${times(found.value, found.median)} the median of ${round(found.median)} ms; the ranks do not wait for each other.`,
      };
    case 'nobody':
      if (found.stepMs === null)
        return { title: 'No pace yet', why: 'It is known once ranks have logged a few steps.' };
      if (found.told.length > 0) {
        return {
          title: 'No straggler',
          why: `No rank stands out in ${found.told.join(', ')} or in the time of its steps.`,
        };
      }
      return {
        title: found.lockstep ? 'All ranks keep step' : 'No straggler',
        why: found.lockstep
          ? 'When ranks wait for each other, the time of a step can’t name a straggler. Log what each rank does alone, such as compute_ms or data_ms, and it is named here.'
          : 'No rank’s steps take much longer than those of the others.',
      };
  }
}

export function StragglerCard(props: {
  run: string;
  ranks: readonly RankStateFragment[];
  keys: readonly string[];
  live: boolean;
}): ReactElement | null {
  const { ranks } = props;
  const telling = tellingKeys(props.keys).join('\n');
  const question = useMemo(() => perKey(BandsDocument, 'b', telling.split('\n')), [telling]);
  const foremost = ranks.reduce((most, { lastStep }) => Math.max(most, lastStep ?? 0), 0);
  // in strides, so that the question stays the same for a while
  const from = Math.floor(Math.max(0, foremost - recentSteps) / 50) * 50;
  const asked = useGraph(
    question,
    { id: props.run, from },
    { everyMs: props.live ? 3000 : null, paused: telling === '', scope: `${props.run}:${telling}` },
  );
  const answer = asked.data?.run;
  const found = useMemo(() => {
    const bands = telling === '' || !answer ? [] : telling.split('\n').flatMap((_, i) => ofKey(answer, 'b', i) ?? []);
    return findStraggler(ranks, bands);
  }, [ranks, answer, telling]);
  if (telling !== '' && answer === undefined) return null;
  const { title, why } = stragglerWords(found);
  const rank = found.kind === 'nobody' ? undefined : found.rank;
  return (
    <p
      className={rank === undefined ? 'straggler card' : 'straggler card named'}
      data-testid="straggler"
      data-rank={rank}
    >
      <strong>{title}.</strong> <span className="dim">{why}</span>
    </p>
  );
}
