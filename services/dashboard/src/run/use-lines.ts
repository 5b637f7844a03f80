import { useEffect, useState } from 'react';
import { client, readTrouble, reportTrouble, type Trouble } from '../data/client.js';
import { LinesAddedDocument, LinesDocument, type LineFragment } from '../generated/questions.js';
import { listen } from '../data/socket.js';
import { LineLog } from './line-log.js';

interface Lines {
  lines: readonly LineFragment[] | null;
  skipped: number;
  more: boolean;
  trouble: Trouble | null;
}

const linesMax = 5000;
const firstLines = 1000;

/** The newest lines, then what is printed from now on. A text filter asks the server for the past, and filters what comes. */
export function useLines(run: string, rank: number | null, match: string, live: boolean): Lines {
  const asked = JSON.stringify([run, rank, match]);
  const [held, setHeld] = useState<Lines & { asked: string }>({
    asked,
    lines: null,
    skipped: 0,
    more: false,
    trouble: null,
  });
  useEffect(() => {
    const log = new LineLog(linesMax);
    let stopped = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let loaded = false;
    let more = false;
    const show = (): void => {
      timer ??= setTimeout(() => {
        timer = undefined;
        if (loaded && !stopped) setHeld({ asked, lines: log.lines(), skipped: log.skipped, more, trouble: null });
      }, 100);
    };
    const load = async (): Promise<void> => {
      const variables = { id: run, rank, match: match === '' ? null : match, before: null, last: firstLines };
      const answer = await client.query(LinesDocument, variables, { requestPolicy: 'network-only' }).toPromise();
      if (stopped) return;
      const trouble = answer.error === undefined ? null : readTrouble(answer.error);
      reportTrouble(trouble);
      if (trouble !== null) {
        setHeld((before) => ({ ...before, trouble }));
        if (trouble.kind === 'unreachable') setTimeout(() => !stopped && void load(), 2000);
        return;
      }
      loaded = true;
      more = answer.data?.run?.lines.hasPreviousPage ?? false;
      log.add(answer.data?.run?.lines.lines ?? []);
      show();
    };
    void load();
    const wanted = match.toLowerCase();
    const stop = live
      ? listen({
          question: LinesAddedDocument,
          variables: rank === null ? { run } : { run, rank },
          cursorOf: (data) => data.lines.cursor,
          onData: ({ lines }) => {
            log.skipped += lines.skipped;
            log.add(lines.lines.filter((line) => line.text.toLowerCase().includes(wanted)));
            show();
          },
        })
      : () => undefined;
    return () => {
      stopped = true;
      clearTimeout(timer);
      stop();
    };
  }, [asked, run, rank, match, live]);
  return held.asked === asked ? held : { ...held, lines: null, trouble: null };
}
