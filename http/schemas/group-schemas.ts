// The schemas of group requests (see schemas.ts). The words are KIP-848's and Kafka's. A check that needs the group itself
// (which member owns a partition, which assignors exist) is left to the engine.
import * as z from 'zod';
import { limits } from '../../lib/api/limits.ts';
import {
  eachOnce,
  LIST_LIMIT,
  nameOf,
  offset,
  partition,
  partitionPosition,
  partitionRange,
  topicId,
  topicName,
  whole,
  wholeText,
} from './schemas.ts';

const INT32_MAX = 2 ** 31 - 1;

const groupName = nameOf({
  errorCode: 'INVALID_GROUP_ID',
  description: 'The id of a consumer group',
  example: 'billing',
});

export const groupPath = z.strictObject({ group: groupName });

export const listGroupsQuery = z.strictObject({
  after: groupName.optional(),
  limit: wholeText(1, LIST_LIMIT).optional(),
});

export const describeGroupQuery = z.strictObject({
  membersFrom: wholeText(0, limits.groupMembers).optional(),
  partitionsFrom: wholeText(0, limits.maxOffset).optional(),
});

// --- fields that several requests have

const memberId = z
  .string()
  .regex(
    new RegExp(`^[A-Za-z0-9._-]{1,${limits.memberIdLength}}$`),
    `1 to ${limits.memberIdLength} of a-z A-Z 0-9 . _ -`,
  )
  .meta({
    description: 'The client makes it once for each member. 22 characters of random base64url are the best choice',
  });

/** People read labels, so only printable characters are allowed: a terminal shows exactly what is stored. */
const label = z
  .string()
  .regex(
    new RegExp(`^[^\\p{C}\\p{Zl}\\p{Zp}]{1,${limits.memberTextLength}}$`, 'u'),
    `1 to ${limits.memberTextLength} printable characters`,
  )
  .meta({ override: { type: 'string', minLength: 1, maxLength: limits.memberTextLength } });

const whichTopic = { topic: topicName, topicId: topicId.optional() };

const partitionNumbers = z
  .array(partition)
  .max(limits.partitions)
  .superRefine(eachOnce('partition', (one) => one));

const eachTopicOnce = eachOnce('topic', ({ topic }: { topic: string }) => topic);

// --- heartbeat

const durationMs = whole(1, INT32_MAX);
const keepalive =
  'Everything the member owns now. If null or left out, nothing changes and nothing is released. []: it owns nothing';

/** As in KIP-848, null means the same as a field that is left out: the group keeps what it knows. */
export const heartbeatBody = z.strictObject({
  memberId,
  memberEpoch: whole(-2, INT32_MAX).meta({
    description: 'The epoch of the last reply. 0 joins, -1 leaves, -2 leaves to return (static members)',
  }),
  heartbeatSeq: whole(0, limits.maxOffset).meta({
    description: 'Grows with every heartbeat of this member id. A repeated heartbeat carries the same number',
  }),
  instanceId: nameOf({
    errorCode: 'INVALID_REQUEST',
    description: 'The instance id of a static member',
    example: 'worker-1',
  }).nullish(),
  rackId: label.nullish(),
  clientId: label.nullish(),
  rebalanceTimeoutMs: durationMs.nullish(),
  sessionTimeoutMs: durationMs.nullish(),
  heartbeatIntervalMs: durationMs.nullish(),
  subscribedTopicNames: z.array(topicName).max(limits.subscribedTopics).nullish(),
  subscribedTopicRegex: z.string().nullish().meta({ description: 'RE2 syntax, matched against the whole name' }),
  serverAssignor: z.string().nullish().meta({ description: 'uniform or range' }),
  topicPartitions: z
    .array(z.strictObject({ ...whichTopic, partitions: partitionNumbers }))
    .superRefine(eachTopicOnce)
    .nullish()
    .meta({ description: keepalive }),
});

// --- committed offsets

const partitionCommit = z.strictObject({
  partition,
  offset,
  leaderEpoch: whole(-1, INT32_MAX).optional(),
  metadata: z.string().optional(),
});

const commitOfTopic = z.strictObject({
  ...whichTopic,
  partitions: z
    .array(partitionCommit)
    .min(1)
    .max(limits.commitPartitions)
    .superRefine(eachOnce('partition', (one) => one.partition)),
});

export const commitOffsetsBody = z
  .strictObject({
    memberId: memberId.optional(),
    memberEpoch: whole(0, INT32_MAX).optional(),
    commitSeq: whole(0, limits.maxOffset)
      .optional()
      .meta({ description: 'Grows with every commit of this member id. A repeated commit carries the same number' }),
    topics: z.array(commitOfTopic).min(1).max(limits.commitPartitions).superRefine(eachTopicOnce),
  })
  .superRefine((body, context) => {
    const fields = ['memberId', 'memberEpoch', 'commitSeq'] as const;
    const missing = fields.filter((field) => body[field] === undefined);
    if (missing.length === 0 || missing.length === fields.length) return;
    const message = 'memberId, memberEpoch and commitSeq together';
    context.addIssue({ code: 'custom', path: missing.slice(0, 1), message });
  });

export const fetchOffsetsQuery = z
  .strictObject({
    after: partitionPosition.optional(),
    partitions: partitionRange.optional(),
    topic: topicName.optional(),
    topicId: topicId.optional(),
  })
  .superRefine((query, context) => {
    const stray = (['partitions', 'topicId'] as const).find((name) => query[name] !== undefined);
    if (query.topic === undefined && stray)
      context.addIssue({ code: 'custom', path: ['topic'], message: `a topic beside ${stray}` });
  });

export const deleteOffsetsQuery = z.strictObject({
  partitions: partitionRange.optional(),
  topic: topicName,
  topicId: topicId.optional(),
});

const partitionOffsets = z
  .array(z.strictObject({ partition, offset }))
  .min(1)
  .superRefine(eachOnce('partition', (one) => one.partition))
  .meta({ description: 'One offset for each partition. `partitions` must then be left out' });

const resetTarget = z
  .discriminatedUnion(
    'to',
    [
      z.strictObject({ to: z.enum(['earliest', 'latest', 'current']) }),
      z.strictObject({ to: z.literal('offset'), offset }),
      z.strictObject({ to: z.literal('offsets'), offsets: partitionOffsets }),
      z.strictObject({ to: z.literal('shift'), by: whole(-limits.maxOffset, limits.maxOffset) }),
      z.strictObject({ to: z.literal('datetime'), timestamp: whole(0, limits.maxOffset) }),
    ],
    'a "to" of earliest, latest, current, offset, offsets, shift or datetime',
  )
  .meta({ description: 'A target outside the log is moved to its start or end' });

const resetOfTopic = z
  .strictObject({ ...whichTopic, partitions: partitionNumbers.min(1).optional(), target: resetTarget })
  .refine(({ partitions, target }) => partitions === undefined || target.to !== 'offsets', {
    error: 'nothing beside target.offsets',
    path: ['partitions'],
  });

export const resetOffsetsBody = z.strictObject({
  dryRun: z.boolean().optional().meta({ description: 'Only report what would be set' }),
  topics: z.array(resetOfTopic).min(1).max(limits.groupPartitions).superRefine(eachTopicOnce),
});
