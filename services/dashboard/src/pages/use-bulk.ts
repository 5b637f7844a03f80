import { useCallback, useEffect, useState } from 'react';
import { client } from '../data/client.js';
import { RunsBeforeDocument } from '../generated/questions.js';
import { changeOf, doneWords, inTurns, undoOf, type Bulk, type Outcome, type RunBefore } from './bulk.js';

const askedAtOnce = 200;
const undoMs = 20_000;

interface Told {
  words: string;
  refused: Outcome['refused'];
  undo: (() => void) | null;
}
interface Working {
  done: number;
  of: number;
}

async function runsBefore(ids: readonly string[]): Promise<ReadonlyMap<string, RunBefore> | null> {
  const before = new Map<string, RunBefore>();
  for (let at = 0; at < ids.length; at += askedAtOnce) {
    const some = ids.slice(at, at + askedAtOnce);
    const { data } = await client
      .query(RunsBeforeDocument, { ids: some }, { requestPolicy: 'network-only' })
      .toPromise();
    if (data === undefined) return null;
    for (const run of data.runsById) if (run !== null) before.set(run.id, run);
  }
  return before;
}

/** Changes many runs, says how that went, and for some seconds offers to take it back. */
export function useBulk(changed: () => void): {
  working: Working | null;
  told: Told | null;
  dismiss: () => void;
  act: (bulk: Bulk, ids: readonly string[]) => Promise<void>;
} {
  const [working, setWorking] = useState<Working | null>(null);
  const [told, setTold] = useState<Told | null>(null);
  const dismiss = useCallback(() => setTold(null), []);
  useEffect(() => {
    // what was refused stays until it has been read
    if (told === null || told.refused.length > 0) return undefined;
    const timer = setTimeout(dismiss, undoMs);
    return () => clearTimeout(timer);
  }, [told, dismiss]);

  const act = useCallback(
    async (bulk: Bulk, ids: readonly string[]) => {
      const run = async (some: readonly string[], change: (id: string) => Promise<string | null>): Promise<Outcome> => {
        setWorking({ done: 0, of: some.length });
        const outcome = await inTurns(some, change, (done) => setWorking({ done, of: some.length }));
        setWorking(null);
        changed();
        return outcome;
      };
      setTold(null);
      const needsBefore = bulk.act === 'group' || bulk.act === 'label' || bulk.act === 'tag';
      const before = needsBefore ? await runsBefore(ids) : new Map<string, RunBefore>();
      if (before === null) {
        setTold({
          words: 'Nothing was changed: the server did not say what the runs are now.',
          refused: [],
          undo: null,
        });
        return;
      }
      const { done, refused } = await run(ids, changeOf(bulk));
      const undo = async (): Promise<void> => {
        setTold(null);
        const back = await run(done, undoOf(bulk, before));
        setTold({ words: `${count(back.done)} as before.`, refused: back.refused, undo: null });
      };
      setTold({
        words: `${count(done)} ${doneWords[bulk.act]}.`,
        refused,
        undo: done.length === 0 ? null : () => void undo(),
      });
    },
    [changed],
  );
  return { working, told, dismiss, act };
}

const count = (ids: readonly string[]): string =>
  `${ids.length.toLocaleString('en-US')} ${ids.length === 1 ? 'run' : 'runs'}`;
