import { useEffect, useState } from 'react';
import { apiKey } from '../data/api-key.js';
import { at } from '../data/base.js';
import type { MediaFragment } from '../generated/questions.js';

export interface Content<Data> {
  readonly data: Data | null;
  readonly problem: string | null;
}

/** The bytes at an address of the server, as a browser can't ask for them by itself: with the key, and under the type that they are of. */
async function fetched(url: string, signal: AbortSignal): Promise<Response> {
  const key = apiKey();
  const answer = await fetch(at(url), { signal, headers: key === null ? {} : { authorization: `Bearer ${key}` } });
  if (!answer.ok)
    throw new Error(answer.status === 404 ? 'The file is not there.' : `The server answered ${answer.status}.`);
  return answer;
}

function useLoaded<Data>(of: string | null, load: (signal: AbortSignal) => Promise<Data>): Content<Data> {
  const [held, setHeld] = useState<Content<Data> & { of: string | null }>({ of: null, data: null, problem: null });
  useEffect(() => {
    if (of === null) return undefined;
    const leaving = new AbortController();
    load(leaving.signal).then(
      (data) => !leaving.signal.aborted && setHeld({ of, data, problem: null }),
      (error: unknown) => {
        if (!leaving.signal.aborted) setHeld({ of, data: null, problem: (error as Error).message });
      },
    );
    return () => leaving.abort();
    // the address says what is loaded
  }, [of]);
  return held.of === of ? held : { data: null, problem: null };
}

/** Where an <img>, <audio> or <video> finds the value: a data: URL is there already, a file becomes one of this page. */
export function useSource(value: MediaFragment): Content<string> {
  const file = value.url !== null && !value.url.startsWith('data:') ? value.url : null;
  const loaded = useLoaded(file, async (signal) => {
    const bytes = await (await fetched(file ?? '', signal)).blob();
    return URL.createObjectURL(new Blob([bytes], { type: value.mime }));
  });
  useEffect(() => {
    const { data } = loaded;
    return () => {
      if (data !== null) URL.revokeObjectURL(data);
    };
  }, [loaded.data]);
  return file === null ? { data: value.url, problem: null } : loaded;
}

/** The text of a value, wherever it is kept. */
export function useText(value: MediaFragment): Content<string> {
  const file = value.text === null ? value.url : null;
  const loaded = useLoaded(file, async (signal) => (await fetched(file ?? '', signal)).text());
  return file === null ? { data: value.text, problem: null } : loaded;
}
