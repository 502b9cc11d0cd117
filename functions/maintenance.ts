// The function that looks at all partitions once a day, sends those with something due to the tend function, and sweeps. An
// operator may also invoke it to audit the deployment, for example after a restore. It is the only function that lists the
// bucket and deletes from it.
import type { Errand } from '../lib/maintenance/upkeep.ts';
import { systemClock } from '../lib/runtime/clock.ts';
import { createAuditHandler } from './audit-handler.ts';
import { openStorage, serviceName, tableArn, tendFunction } from './environment.ts';
import { invoke } from './invoke.ts';
import { createMaintenanceHandler } from './maintenance-handler.ts';

const ports = { ...openStorage(), tableName: tableArn() };
const tend = tendFunction();

export const handler = createMaintenanceHandler(ports, {
  service: serviceName(),
  audit: createAuditHandler({ ...ports, clock: systemClock }, serviceName()),
  ...(tend !== undefined && { send: (errand: Errand) => invoke(tend, { errand }) }),
});
