import { expect, it } from 'vitest';
import { sqlAddress } from './open-backend.js';

it('never lets SQL of people run as the user that owns the tables', () => {
  expect(sqlAddress('clickhouse://owner:secret@db:8123/runs')).toBeNull();
  expect(sqlAddress('clickhouse://owner:secret@db:8123/runs?sql_user=')).toBeNull();
  const address = sqlAddress('clickhouse://owner:secret@db:8123/runs?sql_user=reader&sql_password=p')!();
  expect(address).toMatchObject({ url: 'http://db:8123', database: 'runs', username: 'reader', password: 'p' });
});
