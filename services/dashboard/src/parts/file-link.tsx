import { useState, type MouseEvent, type ReactElement, type ReactNode } from 'react';
import { apiKey } from '../data/api-key.js';
import { at } from '../data/base.js';

/** Long enough for the browser to begin its download. */
const keptMs = 60_000;

/** A file to download. Where the server asks for a key a plain link would be refused: the page fetches it then, and hands it on. */
export function FileLink(props: { url: string; name: string; children: ReactNode }): ReactElement {
  const { url, name, children } = props;
  const [problem, setProblem] = useState<string | null>(null);
  const fetchIt = (event: MouseEvent): void => {
    const key = apiKey();
    if (key === null) return;
    event.preventDefault();
    setProblem(null);
    void (async () => {
      try {
        const answer = await fetch(at(url), { headers: { authorization: `Bearer ${key}` } });
        if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
        const address = URL.createObjectURL(await answer.blob());
        Object.assign(document.createElement('a'), { href: address, download: name }).click();
        setTimeout(() => URL.revokeObjectURL(address), keptMs);
      } catch (error) {
        setProblem((error as Error).message);
      }
    })();
  };
  return (
    <>
      <a href={at(url)} download={name} onClick={fetchIt}>
        {children}
      </a>
      {problem !== null && <span className="problem"> {problem}</span>}
    </>
  );
}
