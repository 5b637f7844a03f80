import kafkajs, { type Consumer, type Kafka, type PartitionAssigner } from 'kafkajs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Assignment } from '../event-log.js';
import { fromDriver } from './kafka-client.js';

const { AssignerProtocol } = kafkajs;

/**
 * Partition p of every topic belongs to member p mod n, members in the order of their client ids: a process has the same partitions
 * in every group, so that its projections share what they read.
 */
const alike: PartitionAssigner = ({ cluster }) => ({
  name: 'runstream-alike',
  version: 0,
  protocol: ({ topics }) => ({
    name: 'runstream-alike',
    metadata: AssignerProtocol.MemberMetadata.encode({ version: 0, topics, userData: Buffer.alloc(0) }),
  }),
  assign: ({ members, topics }) => {
    const order = members.map(({ memberId }) => memberId).sort();
    const assigned = order.map(() => ({}) as Record<string, number[]>);
    for (const topic of topics) {
      const count = (cluster as unknown as { findTopicPartitionMetadata(topic: string): unknown[] }).findTopicPartitionMetadata(topic).length; // prettier-ignore
      for (let partition = 0; partition < count; partition++)
        (assigned[partition % order.length]![topic] ??= []).push(partition);
    }
    return Promise.resolve(
      order.map((memberId, i) => ({
        memberId,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({
          version: 0,
          assignment: assigned[i]!,
          userData: Buffer.alloc(0),
        }),
      })),
    );
  },
});

export interface GroupOptions {
  readonly kafka: Kafka;
  readonly group: string;
  readonly topics: readonly string[];
  readonly sessionTimeoutMs: number;
  readonly signal: AbortSignal;
}

const rejoinAfterMs = 500;
const goodbyeMs = 3_000;

/**
 * Membership of a consumer group without its reading: every assigned partition is paused at once, so the driver only keeps the
 * session alive. Each new assignment is given out, the newest replacing one that nobody has taken yet.
 */
export async function* groupAssignments(
  options: GroupOptions,
  read: (assigned: Readonly<Record<string, readonly number[]>>) => Assignment,
): AsyncGenerator<Assignment> {
  const { signal } = options;
  let newest: Assignment | null = null;
  let wake = (): void => undefined;
  const onAbort = (): void => wake();
  signal.addEventListener('abort', onAbort);
  const joining = stayJoined(options, (assigned) => {
    newest = read(assigned);
    wake();
  });
  let failure: { readonly error: unknown } | null = null;
  joining.catch((error: unknown) => {
    failure = { error };
    wake();
  });
  try {
    while (!signal.aborted) {
      if (failure) throw (failure as { error: unknown }).error;
      const assignment = newest as Assignment | null;
      newest = null;
      if (assignment) yield assignment;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    await joining.catch(() => undefined);
  }
}

/** Joins again after whatever ends a membership, until aborted. */
async function stayJoined(
  options: GroupOptions,
  onJoin: (assigned: Readonly<Record<string, readonly number[]>>) => void,
): Promise<void> {
  const { signal } = options;
  while (!signal.aborted) {
    const consumer = createConsumer(options);
    try {
      await memberUntilGone(consumer, options, onJoin);
    } catch (error) {
      // brokers that are away are waited for; the members' readers go on meanwhile, epochs make that harmless
      if (!(error instanceof Error) || !fromDriver(error)) throw error;
    } finally {
      const left = consumer.disconnect().catch(() => undefined);
      await Promise.race([left, sleep(goodbyeMs, undefined, { ref: false })]);
    }
    await sleep(rejoinAfterMs, undefined, { signal }).catch(() => undefined);
  }
}

function createConsumer({ kafka, group, sessionTimeoutMs }: GroupOptions): Consumer {
  return kafka.consumer({
    groupId: group,
    sessionTimeout: sessionTimeoutMs,
    rebalanceTimeout: Math.max(sessionTimeoutMs, 10_000),
    heartbeatInterval: Math.floor(sessionTimeoutMs / 6),
    // leaving takes as long as one wait
    maxWaitTimeInMs: 100,
    partitionAssigners: [alike],
    allowAutoTopicCreation: false,
    retry: { initialRetryTime: 100, retries: 3, maxRetryTime: 1_000, restartOnFailure: () => Promise.resolve(false) },
  });
}

async function memberUntilGone(
  consumer: Consumer,
  { topics, signal }: GroupOptions,
  onJoin: (assigned: Readonly<Record<string, readonly number[]>>) => void,
): Promise<void> {
  let leave = (): void => undefined;
  const gone = new Promise<void>((resolve) => (leave = resolve));
  consumer.on(consumer.events.GROUP_JOIN, ({ payload: { memberAssignment } }) => {
    consumer.pause(Object.entries(memberAssignment).map(([topic, partitions]) => ({ topic, partitions })));
    onJoin(memberAssignment);
  });
  consumer.on(consumer.events.CRASH, () => leave());
  signal.addEventListener('abort', leave, { once: true });
  if (signal.aborted) leave();
  await consumer.connect();
  await consumer.subscribe({ topics: [...topics], fromBeginning: true });
  await consumer.run({ autoCommit: false, eachBatch: () => Promise.resolve() });
  await gone;
  signal.removeEventListener('abort', leave);
}
