// The function that writes records, and does nothing else. Its role may put objects, but can neither read nor delete them.

import { produceOperations } from '../http/operations/produce.ts';
import { producerOperations } from '../http/operations/producers.ts';
import { logEngine } from '../lib/log/log-engine.ts';
import { createStaging } from '../lib/transaction/create-staging.ts';
import { openContext, openMetrics, tendFunction } from './environment.ts';
import { handlerFor } from './handler.ts';
import { invokeBriefly } from './invoke.ts';

const metrics = openMetrics();
const tend = tendFunction();
const context = openContext({
  ...(tend !== undefined && {
    hint: ({ topic, topicId, partition }) =>
      invokeBriefly(tend, { errand: { topic, topicId, partitions: [partition] } }),
  }),
});
const engine = { ...metrics.countingAppends(logEngine(context)), transactions: createStaging(context) };

export const handler = handlerFor([...produceOperations(engine), ...producerOperations(engine)], metrics);
