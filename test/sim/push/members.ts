// Consumers try to join the group in a world of push. While it has a subscription they are refused. Around a deletion they may join,
// own partitions and commit, and the next creation takes all of that away.
import type { OwnedPartitions } from '../../../lib/api/groups.ts';
import type { Answer } from '../core/process.ts';
import { assignmentBytes, subscriptionBytes } from '../groups/classic/consumer-bytes.ts';
import { groupId, topic } from './history.ts';
import type { Client, Job } from './jobs.ts';

const beats = 5;
const beatMs = 1_500;
const sessionTimeoutMs = 10_000;

const replyOf = <T>(answer: Answer<T>): T | undefined =>
  answer !== 'lost' && 'reply' in answer ? answer.reply : undefined;

const everywhere = ({ partitions }: Client, offset: number) => [
  { topic, partitions: Array.from({ length: partitions }, (_, partition) => ({ partition, offset })) },
];

/** A member of KIP-848. It commits an offset that would skip records of the subscription, and leaves. */
export const join: Job = async (client) => {
  const memberId = client.newId();
  const topics = everywhere(client, 1_000);
  let topicPartitions: readonly OwnedPartitions[] = [];
  let memberEpoch = 0;
  for (let seq = 1; seq <= beats; seq++) {
    const request = { groupId, memberId, memberEpoch, heartbeatSeq: seq, sessionTimeoutMs, topicPartitions };
    const reply = replyOf(
      await client.ask(({ engine }) => engine.groups.heartbeat({ ...request, subscribedTopicNames: [topic] })),
    );
    if (reply) {
      memberEpoch = reply.memberEpoch;
      topicPartitions = reply.assignment;
      if (topicPartitions.length > 0) client.history.claims++;
      const commit = { groupId, memberId, memberEpoch, commitSeq: seq, topics };
      await client.ask(({ engine }) => engine.groups.commitOffsets(commit));
    }
    await client.pause(beatMs);
  }
  const leave = { groupId, memberId, memberEpoch: -1, heartbeatSeq: beats + 1 };
  await client.ask(({ engine }) => engine.groups.heartbeat(leave));
};

/** A member of the classic protocol does the same. */
export const joinClassic: Job = async (client) => {
  const memberId = replyOf(await client.ask(async ({ engine }) => engine.classicGroups.newMemberId('client')));
  if (memberId === undefined) return;
  const joined = replyOf(
    await client.ask(({ engine }) =>
      engine.classicGroups.join({
        ...{ groupId, memberId, protocolType: 'consumer', sessionTimeoutMs, rebalanceTimeoutMs: 5_000 },
        protocols: [{ name: 'range', metadata: subscriptionBytes([topic]) }],
      }),
    ),
  );
  if (joined) {
    const { generation } = joined;
    client.history.claims++;
    const topics = everywhere(client, 1_000);
    const partitions = Array.from({ length: client.partitions }, (_, partition) => partition);
    const assignments = [{ memberId, assignment: assignmentBytes([{ topic, partitions }]) }];
    await client.ask(({ engine }) => engine.classicGroups.sync({ groupId, memberId, generation, assignments }));
    await client.pause(beatMs);
    await client.ask(({ engine }) => engine.classicGroups.commit({ groupId, memberId, generation, topics }));
  }
  await client.ask(({ engine }) => engine.classicGroups.leave({ groupId, memberId }));
};

export const commitOutside: Job = async (client) => {
  await client.ask(({ engine }) => engine.groups.commitOffsets({ groupId, topics: everywhere(client, 1_000) }));
};

export const forget: Job = async (client) => {
  const partitions = Array.from({ length: client.partitions }, (_, partition) => partition);
  await client.ask(({ engine }) => engine.groups.deleteOffsets({ groupId, topics: [{ topic, partitions }] }));
};

export const deleteGroup: Job = async (client) => {
  await client.ask(({ engine }) => engine.groups.delete(groupId));
};
