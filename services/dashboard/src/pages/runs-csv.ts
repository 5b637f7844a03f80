import { ofKey } from '../data/per-key.js';
import { columnId, type Column } from './columns.js';
import type { RunRow } from './use-runs-pages.js';

/** A field as RFC 4180 has it. */
const field = (value: string): string => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
const text = (value: unknown): string =>
  value === null || value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);
const time = (at: number | null): string => (at === null ? '' : new Date(at).toISOString());

function attribute(run: RunRow, key: string): unknown {
  switch (key) {
    case 'started_at':
      return time(run.startedAt);
    case 'ended_at':
      return time(run.endedAt);
    case 'duration':
      return run.durationMs === null ? '' : run.durationMs / 1000;
    case 'job_type':
      return run.jobType;
    case 'world_size':
      return run.worldSize;
    case 'labels':
      return run.labels.join(' ');
    case 'status':
    case 'name':
    case 'user':
    case 'group':
    case 'id':
      return run[key];
    default:
      return '';
  }
}

function cell(run: RunRow, column: Column, metricAt: number): unknown {
  const { kind, key } = column;
  if (kind === 'attributes') return attribute(run, key);
  if (kind === 'metrics') return metricAt < 0 ? '' : ofKey(run, 'm', metricAt)?.[column.stat];
  return (kind === 'params' ? run.params : run.tags)?.find((each) => each.key === key)?.value;
}

/** The rows and columns that are shown, numbers in full; the first column is the run's id, whichever are shown. */
export function runsCsv(rows: readonly RunRow[], columns: readonly Column[], metricKeys: readonly string[]): string {
  const others = columns.filter((column) => columnId(column) !== 'attributes.id');
  const head = ['attributes.id', ...others.map(columnId)];
  const lines = rows.map((run) => [
    run.id,
    ...others.map((column) => text(cell(run, column, metricKeys.indexOf(column.key)))),
  ]);
  return [head, ...lines].map((line) => `${line.map(field).join(',')}\r\n`).join('');
}

/** Hands a text to the browser as a file. */
export function saveText(name: string, content: string, type: string): void {
  const address = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
