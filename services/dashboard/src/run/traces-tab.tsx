import type { ReactElement } from 'react';
import type { RunHeadFragment } from '../generated/questions.js';
import { TraceTable } from '../traces/trace-table.js';

export function TracesTab(props: { run: RunHeadFragment }): ReactElement {
  return <TraceTable project={null} run={props.run.id} live={props.run.status === 'RUNNING'} />;
}
