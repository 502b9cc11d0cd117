// Puts the transactions of clients that speak Kafka's protocol together behind their interface. It keeps nothing that counts.
import type { ProducerTransactions } from '../api/transactions.ts';
import type { LogContext } from '../log/context.ts';
import { translated } from '../storage/outcome.ts';
import { newHotHeads } from './context.ts';
import { initProducer } from './init.ts';
import { endOfProducer, openTransaction } from './of-producer.ts';
import { stage } from './stage.ts';
import { stageOffsetsOfProducer } from './stage-offsets.ts';

export function createProducerTransactions(log: LogContext): ProducerTransactions {
  const { table, clock, topics } = log;
  const context = { table, clock, topics, log, hotHeads: newHotHeads(clock) };
  return {
    init: (request) => translated(initProducer(context, request), 'write'),
    open: (ref) => translated(openTransaction(context, ref), 'write'),
    stage: (request) => translated(stage(context, request), 'write'),
    stageOffsets: (request) => translated(stageOffsetsOfProducer(context, request), 'write'),
    async end({ in: ref, outcome }) {
      const { producerId, producerEpoch } = await translated(endOfProducer(context, ref, outcome), 'write');
      return { producerId, producerEpoch };
    },
  };
}
