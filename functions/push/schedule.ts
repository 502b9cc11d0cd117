// Invokes the dispatcher: now, or once at a later time, by a schedule of EventBridge Scheduler.
// https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
import type { Invoke as InvokeDispatcher } from '../../lib/api/push.ts';
import { awsRequest } from '../aws-request.ts';
import { invoke } from '../invoke.ts';

/** Only the dispatcher itself schedules, because its role alone may. */
export type Schedules = {
  readonly group: string;
  /** The role with which the Scheduler invokes the dispatcher. */
  readonly roleArn: string;
  readonly dispatcherArn: string;
};

const giveUpMs = 10_000;

/** `dispatcher` is the name of the function, or its ARN. */
export const invokesDispatcher =
  (dispatcher: string, schedules?: Schedules): InvokeDispatcher =>
  (invocation, whenMs) => {
    if (whenMs === undefined) return invoke(dispatcher, invocation);
    if (schedules) return schedule(schedules, invocation, whenMs);
    throw new Error('only the dispatcher may make schedules');
  };

/**
 * The name is that of the invocation, so that a repeat makes no second schedule. The Scheduler takes whole seconds, and may be
 * late by a minute. It is never early: a run that came too early would find the time not over, and its trigger would be used up.
 */
async function schedule(
  { group, roleArn, dispatcherArn }: Schedules,
  invocation: Parameters<InvokeDispatcher>[0],
  whenMs: number,
): Promise<void> {
  const body = {
    GroupName: group,
    ScheduleExpression: `at(${new Date(Math.ceil(whenMs / 1_000) * 1_000).toISOString().slice(0, 19)})`,
    FlexibleTimeWindow: { Mode: 'OFF' },
    ActionAfterCompletion: 'DELETE',
    Target: { Arn: dispatcherArn, RoleArn: roleArn, Input: JSON.stringify(invocation) },
  };
  const reply = await awsRequest({
    ...{ service: 'scheduler', method: 'POST', path: `/schedules/push-${invocation.id}` },
    signal: AbortSignal.timeout(giveUpMs),
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (reply.status === 200 || reply.status === 409) return;
  throw new Error(`the Scheduler answered ${reply.status}: ${reply.body.slice(0, 300)}`);
}
