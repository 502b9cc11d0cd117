// The API routes that a client needs for each kind of work. These lists are behind `grantProduce`, `grantConsume`,
// `grantTransact`, `grantExactlyOnce`, `grantOperate`, `grantDeadLetters`, `grantView` and `grantAdmin`, and behind the policies in
// docs/DEPLOY.md. They hold what client/ calls, and no more.
//
// IAM decides by method and path alone, and `*` in a policy matches slashes too: `GET topics/orders*` would allow its
// holder to read the records of `orders-secret`. So a name is always a whole name, and the one wildcard stands between two
// fixed words. `?` stands for one character, so it cannot reach beyond the length of an id.
import { limits } from '../lib/api/limits.ts';
import { whyInvalidName } from '../lib/topic/name.ts';

export type Route = { readonly method: string; readonly path: string };

export function producerRoutes(topic: string): readonly Route[] {
  const path = `/v1/topics/${checkedName('topic', topic)}`;
  return [
    { method: 'GET', path },
    { method: 'POST', path: `${path}/records` },
    { method: 'POST', path: `${path}/partitions/*/records` },
    { method: 'POST', path: '/v1/producers' },
  ];
}

export function consumerRoutes(topic: string, group: string): readonly Route[] {
  const ofTopic = `/v1/topics/${checkedName('topic', topic)}`;
  const ofGroup = `/v1/groups/${checkedName('group', group)}`;
  return [
    { method: 'GET', path: ofTopic },
    { method: 'GET', path: `${ofTopic}/offsets` },
    { method: 'POST', path: `${ofTopic}/fetch` },
    { method: 'GET', path: `${ofTopic}/partitions/*/records` },
    { method: 'POST', path: `${ofGroup}/heartbeat` },
    { method: 'GET', path: `${ofGroup}/offsets` },
    { method: 'POST', path: `${ofGroup}/offsets` },
  ];
}

/**
 * A transactional producer begins and ends transactions of its id. The routes of the topics and groups decide what it writes
 * in them, and it needs those besides.
 */
export function transactionRoutes(transactionalId: string): readonly Route[] {
  return endsOf(checkedName('transactionalId', transactionalId));
}

/** `rivulet.exactlyOnce` makes an id for each process: the name of the group, a fixed word, and so many random digits. */
const idEnd = `.exactly-once.${'?'.repeat(18)}`;

export function exactlyOnceRoutes(group: string): readonly Route[] {
  const most = limits.nameLength - idEnd.length;
  if (group.length > most)
    throw new Error(
      `group: expected at most ${most} characters, because exactlyOnce makes transactional ids of it, got ${JSON.stringify(group.slice(0, 300))} with ${group.length}`,
    );
  return endsOf(`${checkedName('group', group)}${idEnd}`);
}

const endsOf = (id: string): readonly Route[] =>
  ['init', 'commit', 'abort'].map((step) => ({ method: 'POST', path: `/v1/transactions/${id}/${step}` }));

/**
 * An operator makes, alters and deletes the topic and its records, and the subscription of the group, deletes the group and
 * resets its offsets, and sees where records are stored, but moves no records: it has no route to the bytes of a segment. A
 * subscription does: it sends the topic's records to where its operator says.
 */
export function operatorRoutes(topic: string, group: string): readonly Route[] {
  const ofTopic = `/v1/topics/${checkedName('topic', topic)}`;
  const ofGroup = `/v1/groups/${checkedName('group', group)}`;
  const ofSubscription = `${ofTopic}/subscriptions/${group}`;
  return [
    { method: 'GET', path: '/v1/topics' },
    { method: '*', path: ofTopic },
    { method: 'POST', path: `${ofTopic}/delete-records` },
    { method: 'GET', path: `${ofTopic}/offsets` },
    { method: 'GET', path: `${ofTopic}/partitions/*/segments` },
    { method: '*', path: `${ofTopic}/maintenance` },
    { method: 'GET', path: '/v1/subscriptions' },
    { method: '*', path: ofSubscription },
    ...subscriptionSteps.map((step) => ({ method: 'POST', path: `${ofSubscription}/${step}` })),
    { method: 'GET', path: '/v1/groups' },
    { method: 'GET', path: ofGroup },
    { method: 'DELETE', path: ofGroup },
    { method: 'GET', path: `${ofGroup}/offsets` },
    { method: 'DELETE', path: `${ofGroup}/offsets` },
    { method: 'POST', path: `${ofGroup}/offsets/reset` },
  ];
}

const subscriptionSteps = ['pause', 'resume', 'retry', 'retry-now', 'rotate-secret', 'test-invoke'] as const;

/**
 * The subscription may write what it gives up to this topic. Its operator needs `operatorRoutes` besides, which hold no part
 * of this path: a policy on `topics/orders/*` does not reach other topics through a subscription. These routes alone let their
 * holder create the subscription, with any target, and so read the topic: they are no lesser right than an operator's.
 */
export function deadLetterRoutes(topic: string, group: string, deadLetterTopic: string): readonly Route[] {
  const ofSubscription = `${checkedName('topic', topic)}/${checkedName('group', group)}`;
  const path = `/v1/dead-letters/${checkedName('deadLetterTopic', deadLetterTopic)}/subscriptions/${ofSubscription}`;
  return ['PUT', 'PATCH'].map((method) => ({ method, path }));
}

/** A viewer sees everything, all records too, and changes nothing: the console and the reading commands work. */
export const viewerRoutes: readonly Route[] = [
  { method: 'GET', path: '/*' },
  { method: 'POST', path: '/v1/topics/*/fetch' },
];

/** An administrator may do everything with topics, groups, and all data. */
export const adminRoutes: readonly Route[] = [{ method: '*', path: '/*' }];

/** The part of an execute-api ARN after the API's id. The stage is the default one, which needs no segment in the URL. */
export const resourceOf = ({ method, path }: Route): string => `$default/${method}${path}`;

function checkedName(field: 'topic' | 'deadLetterTopic' | 'group' | 'transactionalId', name: string): string {
  const reason = whyInvalidName(name);
  if (reason) throw new Error(`${field}: ${JSON.stringify(name)} ${reason}`);
  return name;
}
