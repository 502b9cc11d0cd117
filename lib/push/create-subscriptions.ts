// Puts subscriptions together behind their interface.
import type { Dispatcher, PushPorts, PushProcess, Subscriptions } from '../api/push.ts';
import type { LogContext } from '../log/context.ts';
import type { Clock } from '../runtime/clock.ts';
import { translated } from '../storage/outcome.ts';
import { createPushContext, type PushContext } from './context.ts';
import { pause, resume, retryNow, rotateSecret, update } from './lifecycle/change.ts';
import { create } from './lifecycle/create.ts';
import { deleteSubscription } from './lifecycle/delete.ts';
import { deliveredOf, describe, list } from './lifecycle/describe.ts';
import { lookAround } from './lifecycle/look-around.ts';
import { retryLetters } from './lifecycle/retry-letters.ts';
import { testInvoke } from './lifecycle/test-invoke.ts';
import { run } from './run/run.ts';

export function createSubscriptions(log: LogContext, ports: PushPorts): Subscriptions {
  const context = createPushContext(log, ports);
  return {
    create: (request) => translated(create(context, request), 'write'),
    get: (ref) => translated(describe(context, ref), 'read'),
    list: (request) => translated(list(context, request), 'read'),
    update: (request) => translated(update(context, request), 'write'),
    pause: (ref) => translated(pause(context, ref), 'write'),
    resume: (ref) => translated(resume(context, ref), 'write'),
    retry: (ref) => translated(retryLetters(context, ref), 'write'),
    retryNow: (ref) => translated(retryNow(context, ref), 'write'),
    rotateSecret: (ref) => translated(rotateSecret(context, ref), 'write'),
    delete: (ref) => translated(deleteSubscription(context, ref), 'write'),
    testInvoke: (ref) => translated(testInvoke(context, ref), 'read'),
  };
}

export function createDispatcher(log: LogContext, ports: PushPorts): Dispatcher {
  const context = createPushContext(log, ports);
  return {
    run: (invocation, process) => translated(run(waitingIn(context, process), invocation, process), 'write'),
    subscriptionsOf: (topicId) => translated(deliveredOf(context, topicId), 'read'),
    lookAround: (options) => translated(lookAround(context, options), 'read'),
  };
}

/** The process arranges the waits of its run. A sleep with a signal is no such wait: the lease is renewed beside the run. */
function waitingIn(context: PushContext, process: PushProcess | undefined): PushContext {
  if (!process?.sleep) return context;
  const { clock } = context;
  const sleep: Clock['sleep'] = (ms, signal) => (signal ? clock.sleep(ms, signal) : process.sleep!(ms));
  return { ...context, clock: { ...clock, sleep } };
}
