import type { ReactElement, ReactNode } from 'react';
import type { Trouble } from '../data/client.js';
import { Empty, TroubleNotice, Waiting } from './notice.js';

/** Why there is no answer yet. */
export function Pending(props: { trouble: Trouble | null; what: string }): ReactElement {
  return props.trouble === null ? (
    <Waiting what={props.what} />
  ) : (
    <TroubleNotice trouble={props.trouble} what={props.what} />
  );
}

/**
 * What a question was asked for, or what stands in its place: why there is no answer yet, or a word when it is null or an empty list.
 * An answer that was kept through an outage is shown, whatever the trouble.
 */
export function Answered<Data>(props: {
  answer: Data | null | undefined;
  trouble: Trouble | null;
  what: string;
  none?: ReactNode;
  children: (answer: Data) => ReactElement | null;
}): ReactElement | null {
  const { answer } = props;
  if (answer === undefined) return <Pending trouble={props.trouble} what={props.what} />;
  if (answer === null || (Array.isArray(answer) && answer.length === 0)) return <Empty>{props.none}</Empty>;
  return props.children(answer);
}
