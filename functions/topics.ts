// The function that makes, describes, changes and deletes topics, deletes their records, and looks up their offsets.

import { deleteRecordsOperations } from '../http/operations/delete-records.ts';
import { offsetOperations } from '../http/operations/offsets.ts';
import { topicOperations } from '../http/operations/topics.ts';
import { logEngine } from '../lib/log/log-engine.ts';
import { openContext } from './environment.ts';
import { handlerFor } from './handler.ts';

const engine = logEngine(openContext());

export const handler = handlerFor([
  ...topicOperations(engine),
  ...deleteRecordsOperations(engine),
  ...offsetOperations(engine),
]);
