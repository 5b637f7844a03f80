import type { ReactElement, ReactNode } from 'react';
import type { Trouble } from '../data/client.js';

/** What stands where data would stand, when there is none to show: waiting, refused, or truly empty. Never ambiguous. */
export function Waiting(props: { what: string }): ReactElement {
  return (
    <div className="notice" role="status">
      <span className="spinner" aria-hidden="true" />
      Loading {props.what}…
    </div>
  );
}

export function Empty(props: { children: ReactNode }): ReactElement {
  return <div className="notice">{props.children}</div>;
}

export function TroubleNotice(props: { trouble: Trouble; what: string }): ReactElement {
  const away = props.trouble.kind === 'unreachable';
  return (
    <div className="notice bad" role="alert">
      <strong>{away ? `No answer yet for ${props.what}.` : `The server refused ${props.what}.`}</strong>{' '}
      {away ? 'The server can’t be reached; trying again…' : props.trouble.message}
    </div>
  );
}
