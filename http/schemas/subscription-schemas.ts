// The schemas of subscription requests (see schemas.ts). The words are those of Lambda's event source mappings. A check that
// needs more than the request (where a URL leads, whether a filter can be read) is left to the engine.
import * as z from 'zod';
import { limits } from '../../lib/api/limits.ts';
import { groupPath } from './group-schemas.ts';
import { LIST_LIMIT, topicName, topicPath, whole, wholeText } from './schemas.ts';

export const subscriptionPath = z.strictObject({ ...topicPath.shape, ...groupPath.shape });
export const deadLettersPath = z.strictObject({ deadLetterTopic: topicName, ...subscriptionPath.shape });

/** The position where a page of subscriptions ended, as its reply gave it (`nextAfter`). */
const position = z
  .string()
  .regex(/^[^/]{1,249}\/[^/]{1,249}$/, 'the nextAfter of a reply: a topic, a slash and a group')
  .transform((text) => ({ topic: text.slice(0, text.indexOf('/')), groupId: text.slice(text.indexOf('/') + 1) }))
  .meta({ override: { type: 'string', pattern: '^[^/]{1,249}/[^/]{1,249}$' } });

export const listSubscriptionsQuery = z.strictObject({
  after: position.optional(),
  limit: wholeText(1, LIST_LIMIT).optional(),
  topic: topicName.optional(),
});

export const describeSubscriptionQuery = z.strictObject({ partitionsFrom: wholeText(0, limits.partitions).optional() });

const target = z
  .union(
    [z.strictObject({ function: z.string() }), z.strictObject({ url: z.string() })],
    '{"url": ...} or {"function": ...}',
  )
  .meta({
    description: 'The ARN of a Lambda function, or the URL of a webhook',
    example: { url: 'https://example.com/orders' },
  });

const onFailure = z
  .union(
    [z.strictObject({ topic: topicName }), z.strictObject({ queue: z.string() })],
    '{"topic": ...} or {"queue": ...}',
  )
  .meta({ description: 'Where records go that were given up: a topic of this service, or the ARN of an SQS queue' });

const filterCriteria = z
  .strictObject({
    filters: z
      .array(z.strictObject({ pattern: z.string().max(limits.pushFilterLength) }))
      .min(1)
      .max(limits.pushFilters),
  })
  .meta({ description: "Lambda's filter criteria for Kafka. A record is delivered if it meets one of the patterns" });

const settings = {
  batchSize: whole(1, limits.pushBatchSize).meta({ description: 'The most records of an event. Default 100' }),
  maximumBatchingWindowSeconds: whole(0, limits.maxBatchingWindowSeconds).meta({
    description: 'How long a delivery may wait for a full batch. Default 0',
  }),
  maximumRetryAttempts: whole(-1, limits.maxRetryAttempts).meta({
    description: 'Tries after the first one; -1 is without end. Default -1, and 10 with `onFailure`',
  }),
  maximumRecordAgeSeconds: whole(-1, limits.maxRecordAgeSeconds).meta({
    description: `A record that is older is given up: -1 (never), or from ${limits.minRecordAgeSeconds} on. Default -1`,
  }),
  bisectBatchOnFunctionError: z
    .boolean()
    .meta({ description: 'After a failure, the halves of the batch are tried apart' }),
  reportBatchItemFailures: z.boolean().meta({ description: 'The target may answer which records failed' }),
  maximumConcurrency: whole(1, limits.maxPushConcurrency).meta({
    description: 'The most partitions that are delivered at the same time',
  }),
  filterCriteria,
  onFailure,
} as const;

const enabled = z.boolean().optional().meta({ description: 'False pauses the subscription' });

export const createSubscriptionBody = z
  .strictObject({
    target,
    startingPosition: z.enum(['TRIM_HORIZON', 'LATEST', 'AT_TIMESTAMP'], 'TRIM_HORIZON, LATEST or AT_TIMESTAMP').meta({
      description: 'Where the deliveries begin: at the earliest record, at the next one, or at a time',
    }),
    startingPositionTimestamp: whole(0, limits.maxOffset).optional(),
    ...z.strictObject(settings).partial().shape,
    enabled,
  })
  .superRefine(({ startingPosition, startingPositionTimestamp }, context) => {
    const needsTime = startingPosition === 'AT_TIMESTAMP';
    if (needsTime === (startingPositionTimestamp !== undefined)) return;
    const message = needsTime ? 'a time beside AT_TIMESTAMP' : `nothing beside ${startingPosition}`;
    context.addIssue({ code: 'custom', path: ['startingPositionTimestamp'], message });
  });

/** The last three settings may be taken away again. */
export const updateSubscriptionBody = z
  .strictObject({
    target: target.optional(),
    ...z.strictObject(settings).partial().shape,
    maximumConcurrency: settings.maximumConcurrency.nullish(),
    filterCriteria: filterCriteria.nullish(),
    onFailure: onFailure.nullish(),
    enabled,
  })
  .refine((body) => Object.keys(body).length > 0, 'at least one setting');

export const pauseSubscriptionBody = z.strictObject({
  reason: z
    .string()
    .regex(/^[^\p{C}\p{Zl}\p{Zp}]{1,249}$/u, '1 to 249 printable characters')
    .optional()
    .meta({ description: 'Why, for the people who find it paused', override: { type: 'string', maxLength: 249 } }),
});
