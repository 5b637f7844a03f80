import { useEffect, useRef, useState, type ReactElement } from 'react';
import type { MediaFragment } from '../generated/questions.js';
import { useSource } from './use-content.js';

/** Below this width the pixels are what is to be seen. */
const smallPx = 128;

function Lightbox(props: { source: string; words: string; pixels: boolean; close: () => void }): ReactElement {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current;
    if (dialog?.open === false) dialog.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog ref={element} className="lightbox" aria-label={props.words} onClose={props.close} onClick={props.close}>
      <img src={props.source} alt={props.words} className={props.pixels ? 'pixels' : ''} />
      <p>{props.words}</p>
      <button type="button" className="button" onClick={props.close}>
        Close
      </button>
    </dialog>
  );
}

/** An image with its caption; a click shows it as large as the window. */
export function Picture(props: { value: MediaFragment; label: string }): ReactElement {
  const { value, label } = props;
  const { data, problem } = useSource(value);
  const [large, setLarge] = useState(false);
  const pixels = Number((value.facts as Record<string, string>)['width'] ?? Infinity) < smallPx;
  const words = value.caption || label;
  return (
    <figure className="picture">
      {problem !== null && <div className="notice bad">{problem}</div>}
      {data !== null && (
        <button type="button" className="picture-open" onClick={() => setLarge(true)} aria-label={`Enlarge ${words}`}>
          <img src={data} alt={words} className={pixels ? 'pixels' : ''} data-testid="media-image" />
        </button>
      )}
      <figcaption title={words}>{words}</figcaption>
      {large && data !== null && <Lightbox source={data} words={words} pixels={pixels} close={() => setLarge(false)} />}
    </figure>
  );
}
