import { setTimeout as sleep } from 'node:timers/promises';

/** A question unanswered for this long is looked after, and again and again. */
const lookAfterMs = 7_000;
/** The look itself is bounded: with it, a connection that is open for one side only costs at most twelve seconds. */
const lookTimeoutMs = 5_000;

export interface AnswerWatch {
  /** Whether the other side is there and still works on the question; asked over another connection. */
  readonly alive: () => Promise<boolean>;
  /** Ends the question: it fails soon after. */
  readonly giveUp: (reason: string) => void;
}

/**
 * Waits for an answer as long as the other side works on it. A statement may take minutes, and a connection that only our side holds to be
 * open never says a word: no fixed time tells one from the other, so the other side is asked.
 */
export async function watchAnswer<T>(work: Promise<T>, { alive, giveUp }: AnswerWatch): Promise<T> {
  const done = new AbortController();
  const watching = (async () => {
    for (;;) {
      await sleep(lookAfterMs, undefined, { signal: done.signal, ref: false });
      const bound = sleep(lookTimeoutMs, 'silent' as const, { signal: done.signal, ref: false });
      const found = await Promise.race([alive().catch((error: unknown) => (error as Error).message), bound]);
      if (done.signal.aborted || found === true) continue;
      giveUp(found === false ? 'the answer was lost on the way' : `no answer (${found})`);
      return;
    }
  })();
  watching.catch(() => undefined); // aborted
  try {
    return await work;
  } finally {
    done.abort();
  }
}
