// Subscriptions: create, describe, list, change and delete; pause, resume and retry.
//
// Invariant: the path names the topic, the group and the topic for dead letters, because IAM decides by the path alone. The path
// with all three holds nothing that a policy for `topics/orders/*` meets, whatever the method and the names are.
import type * as z from 'zod';
import type {
  CreatedSubscription,
  Delivery,
  FailureDestination,
  SubscriptionDescription,
  SubscriptionRef,
  SubscriptionSettings,
  Subscriptions,
} from '../../lib/api/push.ts';
import { unexpected } from '../../lib/api/refusal.ts';
import { defined } from '../defined.ts';
import type { HttpResult } from '../http-event.ts';
import { json, type Operation, operation } from '../operation.ts';
import {
  createdSubscription,
  retryReply,
  rotatedSecret,
  subscriptionDescription,
  subscriptionList,
  testDelivery,
} from '../schemas/subscription-replies.ts';
import {
  createSubscriptionBody,
  deadLettersPath,
  describeSubscriptionQuery,
  listSubscriptionsQuery,
  pauseSubscriptionBody,
  subscriptionPath,
  updateSubscriptionBody,
} from '../schemas/subscription-schemas.ts';
import { pageOf, withTimes } from './groups.ts';

type SubscriptionPath = z.output<typeof subscriptionPath>;
type WithSubscriptions = { readonly subscriptions: Subscriptions };

const DEFAULT_PAGE = 100;
const PATH = '/v1/topics/{topic}/subscriptions/{group}';
const DEAD_LETTERS_PATH = '/v1/dead-letters/{deadLetterTopic}/subscriptions/{topic}/{group}';
/** A reply holds 4 MiB, and the settings beside the partitions take less than 64 KiB. */
const PAGE_BYTES = 4 * 1024 * 1024 - 64 * 1024;

export function subscriptionOperations(engine: WithSubscriptions): Operation[] {
  return [
    list(engine),
    create(engine),
    createWithDeadLetters(engine),
    describe(engine),
    update(engine),
    updateWithDeadLetters(engine),
    remove(engine),
    pause(engine),
    resume(engine),
    retry(engine),
    retryNow(engine),
    rotateSecret(engine),
    testInvoke(engine),
  ];
}

const names = ['INVALID_TOPIC_EXCEPTION', 'INVALID_GROUP_ID'] as const;
const notFound = ['UNKNOWN_TOPIC_OR_PARTITION', 'SUBSCRIPTION_NOT_FOUND', ...names] as const;
const busy = ['COORDINATOR_LOAD_IN_PROGRESS', 'REQUEST_TIMED_OUT'] as const;
const writeErrors = [...notFound, ...busy] as const;

const refOf = ({ topic, group }: SubscriptionPath): SubscriptionRef => ({ topic, groupId: group });

const list = (engine: WithSubscriptions) =>
  operation({
    id: 'listSubscriptions',
    summary: 'List subscriptions in the order of their topics and groups, with `nextAfter` when there are more',
    method: 'GET',
    path: '/v1/subscriptions',
    querySchema: listSubscriptionsQuery,
    status: 200,
    replySchema: subscriptionList,
    errors: [...names, 'UNKNOWN_TOPIC_OR_PARTITION'],
    run: async ({ query: { limit = DEFAULT_PAGE, ...query } }) => {
      const page = await engine.subscriptions.list(defined({ limit, ...query }));
      const last = page.more ? page.subscriptions.at(-1) : undefined;
      const nextAfter = last && `${last.topic}/${last.groupId}`;
      return json(200, { subscriptions: page.subscriptions, ...(nextAfter !== undefined && { nextAfter }) });
    },
  });

const creation = {
  method: 'PUT',
  writes: true,
  bodySchema: createSubscriptionBody,
  status: 201,
  replySchema: createdSubscription,
  errors: [
    'UNKNOWN_TOPIC_OR_PARTITION',
    ...names,
    'SUBSCRIPTION_ALREADY_EXISTS',
    'NON_EMPTY_GROUP',
    'POLICY_VIOLATION',
    ...busy,
  ],
} as const;

async function created(
  { subscriptions }: WithSubscriptions,
  path: SubscriptionPath,
  { startingPositionTimestamp: startingPositionTimestampMs, ...body }: z.output<typeof createSubscriptionBody>,
): Promise<HttpResult> {
  return described(201, await subscriptions.create(defined({ ...refOf(path), ...body, startingPositionTimestampMs })));
}

const create = (engine: WithSubscriptions) =>
  operation({
    ...creation,
    id: 'createSubscription',
    summary: 'Deliver the records of a topic to a function or a webhook. A repeat finishes what is unfinished',
    path: PATH,
    pathSchema: subscriptionPath,
    run: async ({ path }, body) => {
      checkShortPath(path, body.onFailure);
      return created(engine, path, body);
    },
  });

const createWithDeadLetters = (engine: WithSubscriptions) =>
  operation({
    ...creation,
    id: 'createSubscriptionWithDeadLetters',
    summary: 'The same, for a subscription whose dead letters go to the topic of the path, which onFailure names too',
    path: DEAD_LETTERS_PATH,
    pathSchema: deadLettersPath,
    run: async ({ path }, body) => {
      checkLongPath(path, body.onFailure);
      return created(engine, path, body);
    },
  });

const describe = (engine: WithSubscriptions) =>
  operation({
    id: 'describeSubscription',
    summary: 'Describe settings, state, lag and failures, with `nextPartition` when one reply does not hold all',
    method: 'GET',
    path: PATH,
    pathSchema: subscriptionPath,
    querySchema: describeSubscriptionQuery,
    status: 200,
    replySchema: subscriptionDescription,
    errors: notFound,
    run: async ({ path, query }) => described(200, await engine.subscriptions.get(refOf(path)), query.partitionsFrom),
  });

const change = {
  method: 'PATCH',
  writes: true,
  bodySchema: updateSubscriptionBody,
  status: 200,
  replySchema: createdSubscription,
  errors: writeErrors,
} as const;

async function updated(
  { subscriptions }: WithSubscriptions,
  path: SubscriptionPath,
  body: z.output<typeof updateSubscriptionBody>,
): Promise<HttpResult> {
  return described(200, await subscriptions.update(defined({ ...refOf(path), ...body })));
}

const update = (engine: WithSubscriptions) =>
  operation({
    ...change,
    id: 'updateSubscription',
    summary: 'Change settings. What is left out stays, and null takes an optional setting away',
    path: PATH,
    pathSchema: subscriptionPath,
    run: async ({ path }, body) => {
      checkShortPath(path, body.onFailure);
      return updated(engine, path, body);
    },
  });

const updateWithDeadLetters = (engine: WithSubscriptions) =>
  operation({
    ...change,
    id: 'updateSubscriptionWithDeadLetters',
    summary: 'The same, for a change that sends dead letters to the topic of the path, which onFailure names too',
    path: DEAD_LETTERS_PATH,
    pathSchema: deadLettersPath,
    run: async ({ path }, body) => {
      checkLongPath(path, body.onFailure);
      return updated(engine, path, body);
    },
  });

/** A right to the subscription is no right to the topic for its dead letters: IAM decides by the path alone. */
function checkShortPath({ topic, group }: SubscriptionPath, onFailure: FailureDestination | null | undefined): void {
  if (!onFailure || !('topic' in onFailure)) return;
  const path = `/v1/dead-letters/${onFailure.topic}/subscriptions/${topic}/${group}`;
  throw unexpected(
    'body.onFailure.topic',
    `the path ${path}, because IAM decides by the path who may write to that topic`,
    `/v1/topics/${topic}/subscriptions/${group}`,
  );
}

function checkLongPath(
  { deadLetterTopic }: z.output<typeof deadLettersPath>,
  onFailure: FailureDestination | null | undefined,
): void {
  const named = onFailure && 'topic' in onFailure ? onFailure.topic : undefined;
  if (named !== deadLetterTopic)
    throw unexpected('body.onFailure.topic', `${deadLetterTopic}, which the path names`, named);
}

const remove = (engine: WithSubscriptions) =>
  operation({
    id: 'deleteSubscription',
    summary: 'End the deliveries. The offsets of the group stay, and members may go on from them',
    method: 'DELETE',
    path: PATH,
    writes: true,
    pathSchema: subscriptionPath,
    status: 204,
    errors: writeErrors,
    run: async ({ path }) => {
      await engine.subscriptions.delete(refOf(path));
      return { statusCode: 204, headers: {} };
    },
  });

const pause = (engine: WithSubscriptions) =>
  operation({
    id: 'pauseSubscription',
    summary: 'Begin no further delivery. One that is under way ends',
    method: 'POST',
    path: `${PATH}/pause`,
    writes: true,
    pathSchema: subscriptionPath,
    bodySchema: pauseSubscriptionBody,
    status: 200,
    replySchema: subscriptionDescription,
    errors: writeErrors,
    run: async ({ path }, body) =>
      described(200, await engine.subscriptions.pause(defined({ ...refOf(path), ...body }))),
  });

const resume = (engine: WithSubscriptions) =>
  operation({
    id: 'resumeSubscription',
    summary: 'Go on with the deliveries of a paused subscription',
    method: 'POST',
    path: `${PATH}/resume`,
    writes: true,
    pathSchema: subscriptionPath,
    status: 200,
    replySchema: subscriptionDescription,
    errors: writeErrors,
    run: async ({ path }) => described(200, await engine.subscriptions.resume(refOf(path))),
  });

const retry = (engine: WithSubscriptions) =>
  operation({
    id: 'retryDeadLetters',
    summary: "Deliver this subscription's dead letters once more, in their order, up to the first that fails",
    method: 'POST',
    path: `${PATH}/retry`,
    writes: true,
    pathSchema: subscriptionPath,
    status: 200,
    replySchema: retryReply,
    errors: [...writeErrors, 'POLICY_VIOLATION'],
    run: async ({ path }) => json(200, await engine.subscriptions.retry(refOf(path))),
  });

const retryNow = (engine: WithSubscriptions) =>
  operation({
    id: 'retryNow',
    summary: 'End the pause after a failure: failing batches are tried immediately',
    method: 'POST',
    path: `${PATH}/retry-now`,
    writes: true,
    pathSchema: subscriptionPath,
    status: 200,
    replySchema: subscriptionDescription,
    errors: writeErrors,
    run: async ({ path }) => described(200, await engine.subscriptions.retryNow(refOf(path))),
  });

const rotateSecret = (engine: WithSubscriptions) =>
  operation({
    id: 'rotateSecret',
    summary: 'Make another secret for a webhook. The one before signs too for a while',
    method: 'POST',
    path: `${PATH}/rotate-secret`,
    writes: true,
    pathSchema: subscriptionPath,
    status: 200,
    replySchema: rotatedSecret,
    errors: writeErrors,
    run: async ({ path }) => {
      const { secret, previousUntilMs } = await engine.subscriptions.rotateSecret(refOf(path));
      return json(200, { secret, previousUntil: previousUntilMs });
    },
  });

const testInvoke = (engine: WithSubscriptions) =>
  operation({
    id: 'testInvoke',
    summary: 'Send one event with one sample record to the target, and commit nothing',
    method: 'POST',
    path: `${PATH}/test-invoke`,
    writes: true,
    pathSchema: subscriptionPath,
    status: 200,
    replySchema: testDelivery,
    errors: notFound,
    run: async ({ path }) => json(200, outcomeOf(await engine.subscriptions.testInvoke(refOf(path)))),
  });

function outcomeOf(delivery: Delivery): object {
  if (delivery.kind !== 'answered') {
    const { kind, ...more } = delivery;
    return { outcome: kind, ...more };
  }
  const { answer } = delivery;
  return answer.kind === 'success' ? { outcome: 'success' } : { outcome: 'failed', error: answer.error };
}

function described(status: number, of: CreatedSubscription | SubscriptionDescription, from = 0): HttpResult {
  const { settings, partitions, ...more } = of;
  const page = pageOf(partitions.map(withTimes), from, PAGE_BYTES);
  return json(status, {
    ...more,
    settings: settingsOf(settings),
    partitions: page.rows,
    ...(page.next !== undefined && { nextPartition: page.next }),
  });
}

const settingsOf = ({ startingPositionTimestampMs, ...settings }: SubscriptionSettings): object =>
  defined({ ...settings, startingPositionTimestamp: startingPositionTimestampMs });
