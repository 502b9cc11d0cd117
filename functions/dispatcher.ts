// The function that pushes records to functions and webhooks. Many instances run at the same time, each at one partition of one
// subscription.
import { openContext, scheduleGroup, scheduleRole, serviceName } from './environment.ts';
import { createDispatcherHandler } from './push/dispatcher-handler.ts';
import { invokesDispatcher } from './push/schedule.ts';
import { everyArn, openTargets } from './push/targets.ts';

const schedules = { group: scheduleGroup(), roleArn: scheduleRole() };

export const handler = createDispatcherHandler(
  openContext(),
  {
    targets: openTargets(everyArn),
    invoke: (dispatcherArn) => invokesDispatcher(dispatcherArn, { ...schedules, dispatcherArn }),
  },
  serviceName(),
);
