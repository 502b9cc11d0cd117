// The function that makes, describes, changes and deletes topics, deletes their records, looks up their offsets, shows where
// they are stored, and starts passes of maintenance.

import { deleteRecordsOperations } from '../http/operations/delete-records.ts';
import { maintenanceOperations } from '../http/operations/maintenance.ts';
import { offsetOperations } from '../http/operations/offsets.ts';
import { segmentOperations } from '../http/operations/segments.ts';
import { topicOperations } from '../http/operations/topics.ts';
import { logEngine } from '../lib/log/log-engine.ts';
import { createSegments } from '../lib/log/segments.ts';
import { createMaintenance } from '../lib/maintenance/maintenance.ts';
import { maintenanceFunction, openContext, passFunction } from './environment.ts';
import { handlerFor } from './handler.ts';
import { invoke } from './invoke.ts';

const context = openContext();
const engine = logEngine(context);
const maintenance = createMaintenance({
  ...context,
  wake: (pass) => invoke(passFunction(), { pass, sweeper: maintenanceFunction() }),
});

export const handler = handlerFor([
  ...topicOperations(engine),
  ...deleteRecordsOperations(engine),
  ...offsetOperations(engine),
  ...maintenanceOperations({ maintenance }),
  ...segmentOperations({ segments: createSegments(context) }),
]);
