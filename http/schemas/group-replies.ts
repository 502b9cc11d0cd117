// The schemas of group replies (see replies.ts).
import * as z from 'zod';
import { offset, partition, partitionProblem, timestamp, topicId } from './replies.ts';

const offsetOrNone = z.int().min(-1);
const groupState = z.enum(['Empty', 'Assigning', 'Reconciling', 'Stable']);
const assignment = z.array(z.strictObject({ topic: z.string(), topicId, partitions: z.array(partition) }));
const epoch = z.int();

/** A list of topics with a result for each partition. The id is absent for a topic that does not exist. */
const byTopic = <Result extends z.ZodType>(result: Result) =>
  z.array(
    z.strictObject({
      topic: z.string(),
      topicId: topicId.optional(),
      partitions: z.array(z.union([result, partitionProblem])),
    }),
  );

export const heartbeatReply = z
  .strictObject({
    memberId: z.string(),
    memberEpoch: epoch,
    heartbeatIntervalMs: z.int(),
    sessionTimeoutMs: z.int(),
    leaseMs: z.int(),
    assignment,
  })
  .meta({ id: 'HeartbeatReply' });

const groupSummary = {
  groupId: z.string(),
  state: groupState,
  members: z.int().min(0),
  /** Present for a group of Kafka's classic protocol. */
  protocolType: z.string().optional(),
};

export const groupList = z
  .strictObject({ groups: z.array(z.strictObject(groupSummary)), nextAfter: z.string().optional() })
  .meta({ id: 'GroupList' });

const memberDetail = z.strictObject({
  memberId: z.string(),
  instanceId: z.string().optional(),
  rackId: z.string().optional(),
  clientId: z.string(),
  host: z.string(),
  memberEpoch: epoch,
  subscribedTopicNames: z.array(z.string()),
  subscribedTopicRegex: z.string().optional(),
  sessionTimeoutMs: z.int(),
  renewedAgoMs: z.int(),
  assignment,
  targetAssignment: assignment,
  revoking: assignment,
});

/** The deliveries of a subscription at a partition. */
export const delivery = {
  leaseUntil: timestamp.optional(),
  failing: z
    .strictObject({
      endOffset: offset,
      attempts: z.int(),
      firstFailure: timestamp,
      nextTry: timestamp,
      error: z.string(),
    })
    .optional(),
};

export const subscriptionState = {
  state: z.enum(['Creating', 'Enabled', 'Paused']),
  pausedReason: z.string().optional(),
};

const partitionDetail = z.strictObject({
  topic: z.string(),
  topicId,
  partition,
  currentOffset: offsetOrNone,
  committedAgoMs: z.int().min(0).optional(),
  logStartOffset: offsetOrNone,
  logEndOffset: offsetOrNone,
  lag: z.int().min(-1),
  timeLagMs: z.int().min(-1),
  expiresInMs: z.int().min(0).optional(),
  lostRecords: z.int().min(-1),
  metadata: z.string(),
  memberId: z.string().optional(),
  ...delivery,
});

export const groupDescription = z
  .strictObject({
    ...groupSummary,
    subscription: z.strictObject(subscriptionState).optional(),
    assignor: z.enum(['uniform', 'range']),
    groupEpoch: epoch,
    assignmentEpoch: epoch,
    memberDetails: z.array(memberDetail),
    nextMember: z.int().min(1).optional(),
    partitionDetails: z.array(partitionDetail),
    nextPartition: z.int().min(1).optional(),
  })
  .meta({ id: 'GroupDescription' });

export const offsetResults = z
  .strictObject({ topics: byTopic(z.strictObject({ partition })) })
  .meta({ id: 'OffsetResults', description: 'One result per partition, in the order of the request' });

const committedOffset = z.strictObject({
  partition,
  offset: offsetOrNone,
  leaderEpoch: z.int().min(-1),
  metadata: z.string(),
  committedAt: timestamp,
});

export const committedOffsets = z
  .strictObject({ topics: byTopic(committedOffset), nextAfter: z.string().optional() })
  .meta({ id: 'CommittedOffsets' });

export const resetResults = z
  .strictObject({
    dryRun: z.boolean(),
    topics: byTopic(z.strictObject({ partition, previousOffset: offsetOrNone, offset })),
  })
  .meta({ id: 'ResetOffsets' });
