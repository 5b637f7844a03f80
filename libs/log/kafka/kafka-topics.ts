import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs, { type Admin } from 'kafkajs';
import { Unusable } from '#libs/domain/rejection.js';
import { limits } from '#libs/domain/limits.js';
import { topics, type Topic } from '#libs/domain/event.js';
import type { KafkaAddress } from './kafka-client.js';

const { ConfigResourceTypes } = kafkajs;

export const topicName = (address: KafkaAddress, topic: Topic): string => `${address.prefix}.${topic}`;

/** One record of the largest event with its headers must fit into one batch of the broker. */
export const batchBytesMax = 2 * 1024 * 1024;

/** What our topics must be like, and what goes wrong otherwise. */
const demands: readonly { readonly name: string; readonly ok: (value: string) => boolean; readonly why: string }[] = [
  { name: 'cleanup.policy', ok: (value) => value === 'delete', why: 'compaction would lose events: set it to delete' },
  {
    name: 'max.message.bytes',
    ok: (value) => Number(value) >= limits.eventBytesMax + 64 * 1024,
    why: `an event may be ${limits.eventBytesMax} bytes: set it to ${batchBytesMax}`,
  },
];

export type PartitionCounts = Readonly<Record<Topic, number>>;

/** Makes the topics that are missing, and refuses those that can't serve. Safe to be run by many processes at once. */
export async function openTopics(admin: Admin, address: KafkaAddress, counts: PartitionCounts): Promise<void> {
  const existing = new Set(await admin.listTopics());
  const missing = topics.filter((topic) => !existing.has(topicName(address, topic)));
  if (missing.length > 0) {
    const insync = Math.max(1, address.replication - 1);
    const configs = {
      'cleanup.policy': 'delete',
      // the log is the only truth: who wants to forget sets another value, knowingly
      'retention.ms': '-1',
      'retention.bytes': '-1',
      'max.message.bytes': String(batchBytesMax),
      // whatever a producer compresses with, readers see one codec
      'compression.type': address.compression === 'none' ? 'uncompressed' : address.compression,
      // the time of a record is the log's, not that of the process that wrote it
      'message.timestamp.type': 'LogAppendTime',
      'min.insync.replicas': String(insync),
    };
    await admin.createTopics({
      // kafkajs gives up where the broker it asks has not heard of the topics yet; checkCounts waits
      waitForLeaders: false,
      topics: missing.map((topic) => ({
        topic: topicName(address, topic),
        numPartitions: counts[topic],
        replicationFactor: address.replication,
        configEntries: Object.entries(configs).map(([name, value]) => ({ name, value })),
      })),
    });
  }
  await checkCounts(admin, address, counts);
  await checkConfigs(admin, address);
}

/** Another process may have made the topics a moment ago: its brokers have to hear of them first. */
const metadataTimeoutMs = 10_000;

async function readCounts(admin: Admin, address: KafkaAddress): Promise<ReadonlyMap<string, number>> {
  const end = performance.now() + metadataTimeoutMs;
  for (;;) {
    try {
      const { topics: found } = await admin.fetchTopicMetadata({
        topics: topics.map((topic) => topicName(address, topic)),
      });
      const led = found.every(
        ({ partitions }) => partitions.length > 0 && partitions.every(({ leader }) => leader >= 0),
      );
      if (led || performance.now() > end)
        return new Map(found.map(({ name, partitions }) => [name, partitions.length]));
    } catch (error) {
      if (performance.now() > end) throw error;
    }
    await sleep(100);
  }
}

/** The same sentence at a start and in the middle of it. */
export function countProblem(name: string, topic: Topic, kept: number, expected: number): string {
  const hint =
    topic === 'catalog'
      ? 'it must have exactly 1'
      : `if the log was made so, set RUNSTREAM_LOG_PARTITIONS=${kept} in every process. If the topic was grown since, do not: runs would move ` +
        'to other partitions; keep the number and make a second deployment (docs/operations.md, "More partitions")';
  return `Kafka topic ${name} has ${kept} partitions, the configuration says ${expected}: ${hint}`;
}

async function checkCounts(admin: Admin, address: KafkaAddress, counts: PartitionCounts): Promise<void> {
  const found = await readCounts(admin, address);
  for (const topic of topics) {
    const kept = found.get(topicName(address, topic)) ?? 0;
    if (kept === counts[topic]) continue;
    throw new Unusable(countProblem(topicName(address, topic), topic, kept, counts[topic]));
  }
}

async function checkConfigs(admin: Admin, address: KafkaAddress): Promise<void> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map((topic) => ({
      type: ConfigResourceTypes.TOPIC,
      name: topicName(address, topic),
      configNames: demands.map(({ name }) => name),
    })),
  });
  for (const { resourceName, configEntries } of resources) {
    for (const { name, ok, why } of demands) {
      const value = configEntries.find(({ configName }) => configName === name)?.configValue;
      if (value !== undefined && !ok(value))
        throw new Error(`Kafka topic ${resourceName}: ${name} is ${value}: ${why}`);
    }
  }
}
