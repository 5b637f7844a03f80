import { Unavailable } from '#libs/domain/rejection.js';
import { partitionName } from '#libs/domain/position-token.js';
import type { PartitionId } from '#libs/log/event-log.js';
import type { ApplyOutcome, Claim, DeadLetter } from '#libs/projecting/projection.js';
import { storableJson } from './storable-json.js';
import type { SqlSession } from './sql-database.js';

const nameOf = (partition: PartitionId): string => partitionName(partition.topic, partition.partition);

export async function claimPartition(session: SqlSession, projection: string, partition: PartitionId): Promise<Claim> {
  const rows = await session.query<Claim>(
    `insert into runstream.checkpoints as c (projection, partition, epoch, position) values ($1, $2, 1, 0)
     on conflict (projection, partition) do update set epoch = c.epoch + 1 where c.held_until <= ${nowMs} returning epoch, position`,
    [projection, nameOf(partition)],
  );
  if (!rows[0]) throw new Unavailable(`${projection} ${nameOf(partition)} is held while its tables are compared`, 500);
  return rows[0];
}

// a lease is measured by one clock, the database's
export const nowMs = `(extract(epoch from clock_timestamp()) * 1000)::bigint`;

/** A new epoch fences the owners of all partitions; until the lease ends nobody may claim one. 0 ends it. */
export async function holdPartitions(
  session: SqlSession,
  projection: string,
  leaseMs: number,
): Promise<ReadonlyMap<string, Claim>> {
  const until = leaseMs === 0 ? '0' : `${nowMs} + ${Number(leaseMs)}`;
  const rows = await session.query<Claim & { readonly partition: string }>(
    `update runstream.checkpoints set held_until = ${until},
       epoch = case when held_until <= ${nowMs} or ${leaseMs === 0} then epoch + 1 else epoch end
     where projection = $1 returning partition, epoch, position`,
    [projection],
  );
  return new Map(rows.map(({ partition, ...claim }) => [partition, claim]));
}

/**
 * Compare-and-set on (epoch, from). 'moved' locks the row until the transaction ends; the other outcomes mean: write nothing.
 * 'applied' then says that an earlier try of this very batch was committed.
 */
export async function moveCheckpoint(
  session: SqlSession,
  projection: string,
  partition: PartitionId,
  move: { readonly epoch: number; readonly from: number; readonly to: number },
): Promise<ApplyOutcome | 'moved'> {
  const rows = await session.query(
    'update runstream.checkpoints set position = $5 where projection = $1 and partition = $2 and epoch = $3 and position = $4 returning 1 as moved',
    [projection, nameOf(partition), move.epoch, move.from, move.to],
  );
  if (rows.length === 1) return 'moved';
  const [known] = await session.query<{ epoch: number; position: number }>(
    'select epoch, position from runstream.checkpoints where projection = $1 and partition = $2',
    [projection, nameOf(partition)],
  );
  if (known?.epoch !== move.epoch) return 'fenced';
  return known.position === move.to ? 'applied' : 'stale';
}

export async function readCheckpoints(session: SqlSession, projection: string): Promise<ReadonlyMap<string, number>> {
  const rows = await session.query<{ partition: string; position: number }>(
    'select partition, position from runstream.checkpoints where projection = $1 order by partition',
    [projection],
  );
  return new Map(rows.map((row) => [row.partition, row.position]));
}

export async function storeDeadLetters(session: SqlSession, letters: readonly DeadLetter[]): Promise<void> {
  if (letters.length === 0) return;
  const rows = letters.map((letter) => ({
    projection: letter.projection,
    partition: nameOf(letter),
    offset: letter.offset,
    reason: letter.reason,
    key: letter.record.key,
    headers: letter.record.headers,
    value: Buffer.from(letter.record.value).toString('base64'),
    appended_at: letter.record.appendedAt,
  }));
  await session.query(
    `insert into runstream.dead_letters
     select * from json_to_recordset($1::json) as t(projection text, partition text, "offset" bigint, reason text, key text, headers json, value text, appended_at bigint)
     on conflict do nothing`,
    [storableJson(JSON.stringify(rows))],
  );
}
