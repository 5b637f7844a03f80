import { afterAll, beforeAll, expect, it } from 'vitest';
import type { PartitionId, StoredRecord } from '#libs/log/event-log.js';
import { openPgliteDatabase, type PgliteDatabase } from '#libs/postgres/pglite-database.js';
import { examples } from '../run-table.examples.js';
import { openPostgresRunTable } from '../reading/postgres-run-table.js';
import { openRunProjectionFamily } from './run-projection.js';

let database: PgliteDatabase;
beforeAll(async () => {
  database = (await openPgliteDatabase({ dir: null })).database;
});
afterAll(() => database.close());

// each must neither stop the projector nor change what stands beside it
it.each([
  ['NUL', 'a\u0000b', 'a\ufffdb'],
  ['the text of an escape', 'C:\\u0000\\new', 'C:\\u0000\\new'],
  ['a whole one', '\u{1f600}', '\u{1f600}'],
  ['quotes and line ends', '"\\"\n\t', '"\\"\n\t'],
])('keeps %s in notes, tags and params', async (name, text, kept) => {
  const family = await openRunProjectionFamily({ database });
  const live = await family.live();
  const table = openPostgresRunTable({ database, generations: () => family.generations() });
  const log = examples();
  const run = name.replaceAll(' ', '-');
  log.add(
    'RunStarted',
    run,
    {
      project: 'p',
      notes: text,
      tags: { tag: text },
      params: [{ key: 'said', json: JSON.stringify(text) }],
    },
    { id: run },
  );
  log.points(run, { id: 'w', attempt: 1, rank: 0, seq: 1 }, ['m'], [1], [2]);
  for (const [partition, records] of log.partitions()) {
    const { epoch, position } = await live.claim(partition);
    const moved = records.map((record) => ({ ...record, offset: record.offset + position }));
    const batch = { partition, epoch, from: position, to: position + records.length, records: moved };
    expect(await live.apply(batch)).toBe('applied');
  }
  const row = (await table.run(run))!;
  expect([row.notes, row.tags['tag'], row.params['said']]).toEqual([kept, kept, text]);
  expect((await table.summaries([run])).get(run)).toMatchObject([{ last: 2 }]);
  const found = await table.search({ filter: "params.said like '%'", first: 100, nowMs: 0 });
  expect(found.rows.map(({ id }) => id)).toContain(run);
});

it('keeps a param whose JSON escapes half a character, and finds the others beside it', async () => {
  const family = await openRunProjectionFamily({ database });
  const live = await family.live();
  const table = openPostgresRunTable({ database, generations: () => family.generations() });
  const log = examples();
  const params = [
    { key: 'half', json: '"a\\ud800b"' },
    { key: 'whole', json: '"\\ud83d\\ude00"' },
    { key: 'lr', json: '0.1' },
  ];
  log.add('RunStarted', 'escaped', { project: 'p', params }, { id: 'escaped' });
  const [[partition, records]] = [...log.partitions()] as [[PartitionId, StoredRecord[]]];
  const { epoch, position } = await live.claim(partition);
  expect(await live.apply({ partition, epoch, from: position, to: position + 1, records })).toBe('applied');
  expect((await table.run('escaped'))!.params).toEqual({ half: 'a\ud800b', whole: '\u{1f600}', lr: 0.1 });
  const found = await table.search({ filter: "params.lr = '0.1' and params.whole = '\u{1f600}'", first: 9, nowMs: 0 });
  expect(found.rows.map(({ id }) => id)).toEqual(['escaped']);
});

it('sets a record aside whose names no text column can hold', async () => {
  const family = await openRunProjectionFamily({ database });
  const live = await family.live();
  const partition = { topic: 'catalog', partition: 0 } as const;
  const headers = { ce_type: 'runstream.ProjectCreated.v1', ce_id: 'x\ud800', ce_subject: 'p\u0000q' };
  const record = {
    ...partition,
    key: 'k\u0000\udc00',
    headers,
    value: new Uint8Array([255]),
    offset: 0,
    appendedAt: 1,
  };
  const { epoch } = await live.claim(partition);
  expect(await live.apply({ partition, epoch, from: 0, to: 1, records: [record] })).toBe('applied');
  expect(await database.query('select key from runstream.dead_letters')).toEqual([{ key: 'k\ufffd\ufffd' }]);
});
