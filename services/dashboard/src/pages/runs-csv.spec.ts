import { expect, it } from 'vitest';
import { createColumn } from './columns.js';
import { runsCsv } from './runs-csv.js';
import type { RunRow } from './use-runs-pages.js';

it('a table as CSV holds what is shown, numbers in full and texts as they are', () => {
  const run = {
    id: 'r1',
    name: 'a "b", c\nd',
    startedAt: 0,
    params: [{ key: 'net', value: { depth: 2 } }],
    tags: [],
    m0: { key: 'loss', last: 0.123456789012, min: 'NaN', max: null },
  } as unknown as RunRow;
  const columns = [
    createColumn({ kind: 'attributes', key: 'name' }),
    createColumn({ kind: 'attributes', key: 'started_at' }),
    createColumn({ kind: 'metrics', key: 'loss' }),
    createColumn({ kind: 'metrics', key: 'loss', stat: 'min' }),
    createColumn({ kind: 'metrics', key: 'loss', stat: 'max' }),
    createColumn({ kind: 'params', key: 'net' }),
    createColumn({ kind: 'tags', key: 'team' }),
  ];
  const lines = [
    'attributes.id,attributes.name,attributes.started_at,metrics.loss,metrics.loss min,metrics.loss max,params.net,tags.team',
    'r1,"a ""b"", c\nd",1970-01-01T00:00:00.000Z,0.123456789012,NaN,,"{""depth"":2}",',
  ];
  expect(runsCsv([run], columns, ['loss'])).toBe(lines.map((line) => `${line}\r\n`).join(''));
});
