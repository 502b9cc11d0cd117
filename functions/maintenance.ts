// The function that looks after the deployment once a day, and whenever an operator invokes it: after a restore, for one.
// It alone lists the bucket.
import { systemClock } from '../lib/runtime/clock.ts';
import { createAuditHandler } from './audit-handler.ts';
import { openStorage, serviceName } from './environment.ts';

export const handler = createAuditHandler({ ...openStorage(), clock: systemClock }, serviceName());
