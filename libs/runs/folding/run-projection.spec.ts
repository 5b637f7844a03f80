import { expect, it } from 'vitest';
import { encodeEvent, toRecord } from '#libs/log/event-record.js';
import { openPgliteDatabase } from '#libs/postgres/pglite-database.js';
import { describeProjectionFamily } from '#libs/projecting/projection.contract.js';
import { openRunProjectionFamily } from './run-projection.js';

describeProjectionFamily('the run tables', async () => {
  const { database } = await openPgliteDatabase({ dir: null });
  return { family: await openRunProjectionFamily({ database }), close: () => database.close() };
});

it('a batch whose rows can not be written moves no checkpoint and leaves no row', async () => {
  const { database } = await openPgliteDatabase({ dir: null });
  try {
    const projection = await (await openRunProjectionFamily({ database })).live();
    const partition = { topic: 'catalog', partition: 0 } as const;
    const head = { id: 'e', source: 's', subject: 'p', timeMs: 1, writer: null, reply: true };
    const project = encodeEvent(head, 'ProjectCreated', { description: '', tags: {}, world: '', title: '' });
    const records = [{ ...toRecord(project, () => 1), offset: 0, appendedAt: 1 }];
    const { epoch } = await projection.claim(partition);
    const batch = { partition, epoch, from: 0, to: 1, records };
    await database.script('alter table runs_g1.verdicts rename to taken');
    await expect(projection.apply(batch)).rejects.toThrow();
    expect((await projection.checkpoints()).get('catalog/0')).toBe(0);
    expect(await database.query('select name from runs_g1.projects')).toEqual([]);
    await database.script('alter table runs_g1.taken rename to verdicts');
    expect(await projection.apply(batch)).toBe('applied');
    expect((await projection.checkpoints()).get('catalog/0')).toBe(1);
    expect(await database.query('select name from runs_g1.projects')).toEqual([{ name: 'p' }]);
  } finally {
    await database.close();
  }
});
