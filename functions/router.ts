// The function that reads the stream of the table, and invokes the dispatcher for the subscriptions of what was written. It may
// read the table, and write nothing.
import { systemClock } from '../lib/runtime/clock.ts';
import { dispatcherFunction, openStorage, serviceName } from './environment.ts';
import { createRouterHandler } from './push/router-handler.ts';
import { invokesDispatcher } from './push/schedule.ts';

const { table } = openStorage();
const invoke = invokesDispatcher(dispatcherFunction());

export const handler = createRouterHandler({ table, clock: systemClock, invoke }, serviceName());
