import type { ReactElement } from 'react';
import type { RunHead } from '../data/types.js';
import { TraceTable } from '../traces/trace-table.js';

export function TracesTab(props: { run: RunHead }): ReactElement {
  return <TraceTable project={null} run={props.run.id} live={props.run.status === 'RUNNING'} />;
}
