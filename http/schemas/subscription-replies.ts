// The schemas of subscription replies (see replies.ts). Times are epoch milliseconds.
import * as z from 'zod';
import { delivery, subscriptionState } from './group-replies.ts';
import { offset, partition, timestamp, topicId } from './replies.ts';

const target = z.union([z.strictObject({ function: z.string() }), z.strictObject({ url: z.string() })]);

const settings = z.strictObject({
  target,
  startingPosition: z.enum(['TRIM_HORIZON', 'LATEST', 'AT_TIMESTAMP']),
  startingPositionTimestamp: timestamp.optional(),
  batchSize: z.int(),
  maximumBatchingWindowSeconds: z.int(),
  maximumRetryAttempts: z.int(),
  maximumRecordAgeSeconds: z.int(),
  bisectBatchOnFunctionError: z.boolean(),
  reportBatchItemFailures: z.boolean(),
  maximumConcurrency: z.int().optional(),
  filterCriteria: z.strictObject({ filters: z.array(z.strictObject({ pattern: z.string() })) }).optional(),
  onFailure: z.union([z.strictObject({ topic: z.string() }), z.strictObject({ queue: z.string() })]).optional(),
});

const summary = {
  topic: z.string(),
  topicId,
  groupId: z.string(),
  ...subscriptionState,
  state: z.enum([...subscriptionState.state.options, 'TopicDeleted']),
};

const partitionState = z.strictObject({
  partition,
  committedOffset: z.int().min(-1),
  logStartOffset: offset,
  logEndOffset: offset,
  lag: z.int().min(0),
  ...delivery,
});

const description = {
  ...summary,
  settings,
  lag: z.int().min(0),
  partitions: z.array(partitionState),
  nextPartition: z.int().min(1).optional(),
};

export const subscriptionDescription = z.strictObject(description).meta({ id: 'Subscription' });

export const createdSubscription = z
  .strictObject({
    ...description,
    secret: z.string().optional().meta({ description: 'Signs the events of a webhook. No other reply shows it' }),
  })
  .meta({ id: 'CreatedSubscription' });

export const subscriptionList = z
  .strictObject({ subscriptions: z.array(z.strictObject({ ...summary, target })), nextAfter: z.string().optional() })
  .meta({ id: 'SubscriptionList' });

export const retryReply = z
  .strictObject({
    delivered: z.int().min(0),
    skipped: z.int().min(0).meta({
      description: 'Records in the topic that are no dead letters of this subscription, or that hold no record',
    }),
    more: z.boolean().meta({ description: 'There are more dead letters: ask again' }),
    failed: z.strictObject({ partition, offset, error: z.string() }).optional(),
  })
  .meta({ id: 'DeliveredDeadLetters' });

export const rotatedSecret = z
  .strictObject({
    secret: z.string(),
    previousUntil: timestamp.meta({ description: 'Until then the secret before signs too' }),
  })
  .meta({ id: 'RotatedSecret' });

export const testDelivery = z
  .strictObject({
    outcome: z.enum(['success', 'failed', 'throttled', 'gone']),
    error: z.string().optional(),
    retryAfterMs: z.int().optional(),
  })
  .meta({ id: 'TestDelivery' });
