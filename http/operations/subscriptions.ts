// Subscriptions: create, describe, list, change and delete; pause, resume and retry. The path names the topic and the group,
// so that IAM can decide by both.
import type {
  CreatedSubscription,
  Delivery,
  SubscriptionDescription,
  SubscriptionRef,
  SubscriptionSettings,
  Subscriptions,
} from '../../lib/api/push.ts';
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
  describeSubscriptionQuery,
  listSubscriptionsQuery,
  pauseSubscriptionBody,
  subscriptionPath,
  updateSubscriptionBody,
} from '../schemas/subscription-schemas.ts';
import { pageOf, withTimes } from './groups.ts';

type WithSubscriptions = { readonly subscriptions: Subscriptions };

const DEFAULT_PAGE = 100;
const PATH = '/v1/topics/{topic}/subscriptions/{group}';
/** A reply holds 4 MiB, and the settings beside the partitions take less than 64 KiB. */
const PAGE_BYTES = 4 * 1024 * 1024 - 64 * 1024;

export function subscriptionOperations(engine: WithSubscriptions): Operation[] {
  return [
    list(engine),
    create(engine),
    describe(engine),
    update(engine),
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

const refOf = ({ topic, group }: { topic: string; group: string }): SubscriptionRef => ({ topic, groupId: group });

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

const create = (engine: WithSubscriptions) =>
  operation({
    id: 'createSubscription',
    summary: 'Deliver the records of a topic to a function or a webhook. A repeat finishes what is unfinished',
    method: 'PUT',
    path: PATH,
    writes: true,
    pathSchema: subscriptionPath,
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
    run: async ({ path }, { startingPositionTimestamp, ...body }) => {
      const startingPositionTimestampMs = startingPositionTimestamp;
      return described(
        201,
        await engine.subscriptions.create(defined({ ...refOf(path), ...body, startingPositionTimestampMs })),
      );
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

const update = (engine: WithSubscriptions) =>
  operation({
    id: 'updateSubscription',
    summary: 'Change settings. What is left out stays, and null takes an optional setting away',
    method: 'PATCH',
    path: PATH,
    writes: true,
    pathSchema: subscriptionPath,
    bodySchema: updateSubscriptionBody,
    status: 200,
    replySchema: createdSubscription,
    errors: [...notFound, ...busy],
    run: async ({ path }, body) =>
      described(200, await engine.subscriptions.update(defined({ ...refOf(path), ...body }))),
  });

const remove = (engine: WithSubscriptions) =>
  operation({
    id: 'deleteSubscription',
    summary: 'End the deliveries. The offsets of the group stay, and members may go on from them',
    method: 'DELETE',
    path: PATH,
    writes: true,
    pathSchema: subscriptionPath,
    status: 204,
    errors: [...notFound, ...busy],
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
    errors: [...notFound, ...busy],
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
    errors: [...notFound, ...busy],
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
    errors: [...notFound, ...busy],
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
    errors: [...notFound, ...busy],
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
    errors: [...notFound, ...busy],
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
