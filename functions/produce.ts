// The function that writes records, and does nothing else. Its role may put objects, but can neither read nor delete them.

import { produceOperations } from '../http/operations/produce.ts';
import { producerOperations } from '../http/operations/producers.ts';
import { logEngine } from '../lib/log/log-engine.ts';
import { createStaging } from '../lib/transaction/create-staging.ts';
import { openContext, openMetrics } from './environment.ts';
import { handlerFor } from './handler.ts';

const metrics = openMetrics();
const context = openContext();
const log = metrics.countingAppends(logEngine(context));
const engine = { ...log, transactions: createStaging(context) };

export const handler = handlerFor([...produceOperations(engine), ...producerOperations(engine)], metrics);
