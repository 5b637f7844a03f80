import type { CompletenessFragment } from '../generated/questions.js';
import { formatCount, plural } from '../format/format.js';

export type CompletenessTone = 'ok' | 'warn' | 'live';

/** The one sentence that answers "did you get all my points?" */
export function completenessSentence(c: CompletenessFragment): { tone: CompletenessTone; text: string } {
  const writers = plural(c.writers, 'writer');
  const received = plural(c.batchesReceived, 'batch', 'batches');
  if (c.batchesMissing > 0) {
    const missing = plural(c.batchesMissing, 'batch is', 'batches are');
    const all = formatCount(c.batchesReceived + c.batchesMissing);
    return {
      tone: 'warn',
      text: `${missing} missing: ${formatCount(c.batchesReceived)} of ${all} from ${writers} arrived.`,
    };
  }
  if (c.complete) return { tone: 'ok', text: `All ${received} of ${writers} arrived.` };
  if (c.writers === 0) return { tone: 'live', text: 'No writer has sent anything yet.' };
  if (c.ranksHeard < c.ranksExpected) {
    const unheard = plural(c.ranksExpected - c.ranksHeard, 'rank was', 'ranks were');
    return {
      tone: 'warn',
      text: `${unheard} never heard: ${formatCount(c.ranksHeard)} of ${formatCount(c.ranksExpected)} have sent ${received}, no gaps.`,
    };
  }
  const open = c.writers - c.writersFinished;
  return {
    tone: 'live',
    text: `Everything sent so far has arrived: ${received} of ${writers}, no gaps. ${plural(open, 'writer')} not finished yet.`,
  };
}
