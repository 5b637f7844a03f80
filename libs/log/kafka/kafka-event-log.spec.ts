import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kafkaMissing, openKafkaRig, type KafkaRig } from '../../../test/rigs/kafka-rig.js';
import type { EventLog, PartitionId } from '../event-log.js';
import { describeEventLog, idsOf, readAll, recordOf } from '../event-log.contract.js';
import { createKafka, readKafkaUrl } from './kafka-client.js';
import { openKafkaEventLog } from './kafka-event-log.js';

const partitions = { catalog: 1, runs: 3, telemetry: 2 } as const;

describe.skipIf(kafkaMissing() !== null)('on a real broker', () => {
  let rig: KafkaRig;
  beforeAll(async () => {
    rig = await openKafkaRig();
  });
  afterAll(() => rig?.close());

  let counter = 0;
  const newAddress = (options = ''): string => `kafka://${rig.address}/log-${++counter}${options}`;
  const open = (
    url: string,
    clientId = 'spec',
    counts: Parameters<typeof openKafkaEventLog>[0]['partitions'] = partitions,
  ) => openKafkaEventLog({ address: readKafkaUrl(url), partitions: counts, clientId });
  const ofTopic = (url: string): string => readKafkaUrl(url).prefix;

  describeEventLog('KafkaEventLog', async () => {
    const url = newAddress();
    let log = await open(url);
    return {
      log,
      async reopen() {
        await log.close();
        return (log = await open(url));
      },
      dispose: () => log.close(),
    };
  });

  test('processes that start together on an empty cluster find the same topics', async () => {
    const url = newAddress();
    const logs = await Promise.all([1, 2, 3, 4].map((n) => open(url, `p${n}`)));
    await Promise.all(logs.map((log, n) => log.append([recordOf(`e${n}`)])));
    expect(idsOf(await readAll(logs[0]!, { topic: 'runs', partition: 1 })).sort()).toEqual(['e0', 'e1', 'e2', 'e3']);
    await Promise.all(logs.map((log) => log.close()));
  });

  test('refuses topics that can not serve, and says what to do', async () => {
    const url = newAddress();
    await (await open(url)).close();
    await expect(open(url, 'spec', { ...partitions, telemetry: 4 })).rejects.toThrow(
      /telemetry has 2 partitions, the configuration says 4: if the log was made so, set RUNSTREAM_LOG_PARTITIONS=2/,
    );
    const compacted = newAddress();
    const kafka = createKafka(readKafkaUrl(compacted), 'spec');
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({
      waitForLeaders: false,
      topics: [
        {
          topic: `${ofTopic(compacted)}.runs`,
          numPartitions: 3,
          configEntries: [{ name: 'cleanup.policy', value: 'compact' }],
        },
      ],
    });
    await admin.disconnect();
    await expect(open(compacted)).rejects.toThrow(/cleanup.policy is compact: compaction would lose events/);
    await expect(open('kafka://127.0.0.1:1/none')).rejects.toThrow(/can't be reached at 127.0.0.1:1/);
  });

  test('reads what producers of other kinds wrote: gzip, no compression, records without key or headers', async () => {
    const url = newAddress();
    const log = await open(url);
    const producer = createKafka(readKafkaUrl(url), 'other').producer({ createPartitioner: () => () => 1 });
    await producer.connect();
    const topic = `${ofTopic(url)}.runs`;
    for (const compression of [
      kafkajs.CompressionTypes.GZIP,
      kafkajs.CompressionTypes.None,
      kafkajs.CompressionTypes.LZ4,
    ])
      await producer.send({ topic, compression, messages: [{ value: `${compression}` }] });
    await producer.disconnect();
    const read = await readAll(log, { topic: 'runs', partition: 1 });
    expect(read.map(({ key, headers, value }) => [key, headers, Buffer.from(value).toString()])).toEqual([
      ['', {}, '1'],
      ['', {}, '0'],
      ['', {}, '3'],
    ]);
    await log.close();
  });

  test('a reader that asks for what retention has deleted is told so; it does not skip', async () => {
    const url = newAddress();
    const log = await open(url);
    await log.append(Array.from({ length: 10 }, (_, i) => recordOf(`e${i}`)));
    // a broker may not lead all partitions of a new topic at once: we wait for that, kafkajs does not
    await log.ranges('runs');
    const admin = createKafka(readKafkaUrl(url), 'admin').admin();
    await admin.connect();
    await admin.fetchTopicOffsets(`${ofTopic(url)}.runs`);
    await admin.deleteTopicRecords({ topic: `${ofTopic(url)}.runs`, partitions: [{ partition: 1, offset: '4' }] });
    await admin.disconnect();
    const home: PartitionId = { topic: 'runs', partition: 1 };
    expect((await log.ranges('runs'))[1]).toMatchObject({ start: 4, end: 10 });
    await expect(readAll(log, home, 3)).rejects.toThrow(RangeError);
    expect(idsOf(await readAll(log, home, 4))).toEqual(['e4', 'e5', 'e6', 'e7', 'e8', 'e9']);
    await log.close();
  });

  test('two members share the partitions, alike in every topic; when one leaves the other has all', async () => {
    const url = newAddress();
    const [first, second] = [await open(url, 'a'), await open(url, 'b')];
    const [a, b] = [follow(first), follow(second)];
    await expect.poll(() => [a.owned.length, b.owned.length]).toEqual([4, 2]);
    expect([...a.owned].sort()).toEqual(['catalog/0', 'runs/0', 'runs/2', 'telemetry/0']);
    expect([...b.owned].sort()).toEqual(['runs/1', 'telemetry/1']);
    a.stop.abort();
    await expect.poll(() => b.owned.length).toBe(6);
    b.stop.abort();
    await Promise.all([a.done, b.done]);
    await first.close();
    await second.close();
  });

  test('loses nothing that was acknowledged when the broker is killed again and again, and followers go on', async () => {
    const log = await open(newAddress());
    const stop = new AbortController();
    const home: PartitionId = { topic: 'telemetry', partition: 1 };
    const followed: string[] = [];
    const following = (async () => {
      for await (const batch of log.read(home, 0, { follow: true, signal: stop.signal }))
        followed.push(...idsOf(batch));
    })();
    const acked: string[] = [];
    let killing = true;
    const writing = Promise.all(
      [0, 1, 2].map(async (writer) => {
        for (let i = 0; killing; i++) {
          const records = [recordOf(`${writer}-${i}-a`, home), recordOf(`${writer}-${i}-b`, home)];
          for (;;) {
            const stored = await log.append(records).catch((error: unknown) => {
              if ((error as Error).name !== 'Unavailable') throw error;
              return null;
            });
            if (stored) break;
          }
          acked.push(...idsOf(records));
        }
      }),
    );
    for (let round = 0; round < 3; round++) {
      await sleep(400);
      await rig.kill();
      await rig.start();
    }
    await sleep(300);
    killing = false;
    await writing;
    const stored = idsOf(await readAll(log, home));
    // a batch whose answer was lost may have come twice, nothing else
    expect(new Set(stored)).toEqual(new Set(acked));
    for (const writer of [0, 1, 2]) {
      const own = [...new Set(stored.filter((id) => id.startsWith(`${writer}-`)))];
      expect(own).toEqual(acked.filter((id) => id.startsWith(`${writer}-`)));
    }
    await expect.poll(() => followed.length).toBe(stored.length);
    expect(followed).toEqual(stored);
    stop.abort();
    await following;
    await log.close();
  });
});

function follow(log: EventLog) {
  const stop = new AbortController();
  const member = { owned: [] as string[], stop, done: Promise.resolve() };
  member.done = (async () => {
    for await (const assignment of log.assignments('group', ['catalog', 'runs', 'telemetry'], stop.signal))
      member.owned = assignment.partitions.map(({ topic, partition }) => `${topic}/${partition}`);
  })();
  return member;
}

describe('the address of a Kafka', () => {
  test('is read with all it can say', () => {
    expect(readKafkaUrl('kafka://h1:9092,h2:9093')).toEqual({
      brokers: ['h1:9092', 'h2:9093'],
      prefix: 'runstream',
      replication: 1,
      compression: 'lz4',
      tls: false,
      sasl: null,
      sessionTimeoutMs: 10_000,
    });
    expect(
      readKafkaUrl('kafka://me:p%40ss@h:1/team.a?replication=3&compression=gzip&tls=1&sasl=scram-sha-256&session=6'),
    ).toMatchObject({
      prefix: 'team.a',
      replication: 3,
      compression: 'gzip',
      tls: true,
      sasl: { mechanism: 'scram-sha-256', username: 'me', password: 'p@ss' },
      sessionTimeoutMs: 6_000,
    });
  });

  test.each([
    ['kafka:h:1', 'is not kafka://'],
    ['kafka://h', 'broker "h" is not host:port'],
    ['kafka://h:1/a b', "can't begin the name of a topic"],
    ['kafka://h:1?replicas=3', '"replicas" is not one of'],
    ['kafka://h:1?replication=0', 'replication "0"'],
    ['kafka://h:1?compression=snappy', 'compression "snappy" is not one of'],
    ['kafka://h:1?sasl=plain', 'needs user:password@'],
  ])('%s is refused', (text, why) => {
    expect(() => readKafkaUrl(text)).toThrow(why);
  });
});
