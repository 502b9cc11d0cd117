// The function that audits the deployment once a day. An operator may also invoke it, for example after a restore. It is the
// only function that lists the bucket.
import { systemClock } from '../lib/runtime/clock.ts';
import { createAuditHandler } from './audit-handler.ts';
import { openStorage, serviceName } from './environment.ts';

export const handler = createAuditHandler({ ...openStorage(), clock: systemClock }, serviceName());
