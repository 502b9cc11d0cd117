// The operation that gives a plain idempotent producer its id and epoch.
import type { LogEngine } from '../../lib/api/engine.ts';
import { json, type Operation, operation } from '../operation.ts';
import { newProducer } from '../schemas/replies.ts';

export function producerOperations(engine: LogEngine): Operation[] {
  return [initProducer(engine)];
}

const initProducer = (engine: LogEngine) =>
  operation({
    id: 'newProducer',
    summary: 'Create the id and epoch of a new idempotent producer',
    method: 'POST',
    path: '/v1/producers',
    writes: true,
    status: 201,
    replySchema: newProducer,
    errors: [],
    run: async () => {
      const { producerId, epoch } = await engine.newProducer();
      return json(201, { producerId, epoch });
    },
  });
