// The function that makes, describes, changes and deletes subscriptions, for the API and for CloudFormation. It may look at
// targets, and the dispatcher alone may call them: it does so for `retry` and `test-invoke`.
import { subscriptionOperations } from '../http/operations/subscriptions.ts';
import type { Delivery, RetryReply, Subscriptions } from '../lib/api/push.ts';
import { createSubscriptions } from '../lib/push/create-subscriptions.ts';
import { createTopics } from '../lib/topic/topics.ts';
import { dispatcherFunction, openContext, pushTargets } from './environment.ts';
import type { LambdaContext, LambdaEvent } from './gateway.ts';
import { handlerFor } from './handler.ts';
import { invokeAndWait } from './invoke.ts';
import { createResourceHandler, type ResourceEvent } from './push/custom-resource.ts';
import type { DispatcherEvent } from './push/dispatcher-handler.ts';
import { type Outcome, resultOf } from './push/outcome.ts';
import { invokesDispatcher } from './push/schedule.ts';
import { everyArn, openTargets } from './push/targets.ts';

const context = openContext();
const dispatcher = dispatcherFunction();

const byDispatcher = async <T extends Delivery | RetryReply>(event: DispatcherEvent): Promise<T> =>
  resultOf((await invokeAndWait(dispatcher, event)) as Outcome<T>);

const subscriptionsTo = (allowed: readonly string[]): Subscriptions => ({
  ...createSubscriptions(context, { targets: openTargets(allowed), invoke: invokesDispatcher(dispatcher) }),
  retry: (ref) => byDispatcher<RetryReply>({ retry: ref }),
  testInvoke: (ref) => byDispatcher<Delivery>({ testInvoke: ref }),
});

const api = handlerFor(subscriptionOperations({ subscriptions: subscriptionsTo(pushTargets()) }));
const resource = createResourceHandler({
  subscriptions: subscriptionsTo(everyArn),
  createTopic: createTopics(context.table, context.clock).create,
});

export const handler = async (event: LambdaEvent | ResourceEvent, lambda: LambdaContext) =>
  'ResponseURL' in event ? resource(event) : api(event, lambda);
