import kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kafkaMissing, openKafkaRig, type KafkaRig } from '../../../test/rigs/kafka-rig.js';
import { idsOf, readAll, recordOf } from '../event-log.contract.js';
import type { EventLog } from '../event-log.js';
import { readKafkaUrl } from './kafka-client.js';
import { openKafkaEventLog } from './kafka-event-log.js';

const home = { topic: 'runs', partition: 0 } as const;
const partitions = { catalog: 1, runs: 1, telemetry: 2 };

describe.skipIf(kafkaMissing() !== null)('a broker that does what brokers should not', () => {
  let rig: KafkaRig;
  let log: EventLog;
  beforeAll(async () => {
    rig = await openKafkaRig({ behindProxy: true });
    log = await openKafkaEventLog({ address: readKafkaUrl(`kafka://${rig.address}/stall`), partitions, clientId: 'a' });
  });
  afterAll(async () => {
    await log.close();
    await rig.close();
  });
  const record = (id: string) => recordOf(id, home);
  const appends = (id: string) =>
    log.append([record(id)]).then(
      () => true,
      (error: unknown) => {
        expect(error).toMatchObject({ name: 'Unavailable' });
        return false;
      },
    );
  const readsOn = (seen: string[], failed: unknown[], signal: AbortSignal): Promise<unknown> =>
    (async () => {
      for await (const records of log.read(home, 0, { follow: true, signal })) seen.push(...idsOf(records));
    })().catch((error: unknown) => failed.push(error));

  it('loses nobody to answers that are cut off by a reset, wherever they are cut', async () => {
    const stop = new AbortController();
    const seen: string[] = [];
    const failed: unknown[] = [];
    const reading = readsOn(seen, failed, stop.signal);
    const kept: string[] = [];
    // within the length of the answer, within its header, within its content
    for (const [i, cut] of [1, 4, 7, 11, 23, 40].entries()) {
      rig.proxy!.resetNextAnswerAfter(cut);
      for (let n = 0; rig.proxy!.resets <= i; n++) await appends(`cut-${i}-${n}`);
      await expect.poll(() => appends(`on-${i}`)).toBe(true);
      kept.push(`on-${i}`);
      await expect.poll(() => seen).toEqual(expect.arrayContaining(kept));
    }
    expect(failed).toEqual([]);
    stop.abort();
    await reading;
  });

  it('says that it is unavailable while nothing passes and nobody is told, and is used again at once afterwards', async () => {
    rig.proxy!.freeze();
    try {
      const asked = await Promise.allSettled([log.append([record('held')]), log.ranges('runs')]);
      for (const answer of asked) expect(answer).toMatchObject({ status: 'rejected', reason: { name: 'Unavailable' } });
    } finally {
      rig.proxy!.thaw();
    }
    await expect.poll(() => appends('thawed')).toBe(true);
    await expect.poll(async () => idsOf(await readAll(log, home))).toContain('thawed');
  });

  it('holds nobody for ever when it stalls, ends nobody, and is used again when it goes on', async () => {
    await log.append([record('before')]);
    const stop = new AbortController();
    const seen: string[] = [];
    const failed: unknown[] = [];
    const reading = readsOn(seen, failed, stop.signal);
    const owned: unknown[] = [];
    const joining = (async () => {
      for await (const each of log.assignments('stall', ['runs'], stop.signal)) owned.push(each);
    })().catch((error: unknown) => failed.push(error));
    await expect.poll(() => seen).toContain('before');
    process.kill(rig.pid, 'SIGSTOP');
    try {
      const asked = await Promise.allSettled([
        log.append([record('a')]),
        log.append([record('b')]),
        log.ranges('runs'),
      ]);
      for (const answer of asked) expect(answer).toMatchObject({ status: 'rejected', reason: { name: 'Unavailable' } });
      // longer than the session and every time-out of the driver
      await new Promise((resolve) => setTimeout(resolve, 30_000));
    } finally {
      process.kill(rig.pid, 'SIGCONT');
    }
    await expect.poll(() => appends('after')).toBe(true);
    await expect.poll(() => seen).toContain('after');
    expect(failed).toEqual([]);
    stop.abort();
    await Promise.all([reading, joining]);
  });

  it('gives out what was committed, and nothing of what was aborted', async () => {
    const kafka = new kafkajs.Kafka({ brokers: [rig.address], logLevel: kafkajs.logLevel.NOTHING });
    const producer = kafka.producer({ transactionalId: 'foreign', idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    for (const [id, end] of [
      ['kept-1', 'commit'],
      ['dropped', 'abort'],
      ['kept-2', 'commit'],
    ] as const) {
      const transaction = await producer.transaction();
      const { key, headers, value } = recordOf(id, { topic: 'telemetry', partition: 1 });
      await transaction.send({
        topic: 'stall.telemetry',
        messages: [{ key, headers: { ...headers }, value: Buffer.from(value), partition: 1 }],
      });
      await transaction[end]();
    }
    await producer.disconnect();
    expect(idsOf(await readAll(log, { topic: 'telemetry', partition: 1 }))).toEqual(['kept-1', 'kept-2']);
  });

  it('whose topic was grown is not read on: it is said why and what to do, and nobody ends', async () => {
    const admin = new kafkajs.Kafka({ brokers: [rig.address], logLevel: kafkajs.logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.createPartitions({ topicPartitions: [{ topic: 'stall.telemetry', count: 4 }] });
    await admin.disconnect();
    const stop = new AbortController();
    for await (const { partitions: given } of log.assignments('grown', ['telemetry'], stop.signal)) {
      expect(given).toEqual([]);
      stop.abort();
    }
    expect(log.problem?.()).toMatch(/stall\.telemetry has 4 partitions.*do not: runs would move.*More partitions/);
    await log.append([record('still')]);
  });
});
