// InitProducerId (22). Gives an idempotent producer its id, and begins a new instance of a transactional id: the transaction
// that an earlier instance has left open is aborted, and that instance is fenced.
//
// Versions 0 to 5; from version 3 on an instance may ask for another epoch of its own. Deviation: a transaction that is
// decided is completed here, where Apache Kafka answers CONCURRENT_TRANSACTIONS.
import { defineApi, type Gateway } from '../api.ts';
import { changeCode, code, fencedCode, transactionCode } from '../errors.ts';

type Request = {
  readonly transactionalId: string | null;
  readonly transactionTimeoutMs: number;
  readonly producerId: number;
  readonly producerEpoch: number;
};

type Reply = { readonly errorCode: number; readonly producerId: number; readonly producerEpoch: number };

/** Later ones know PRODUCER_FENCED. */
const lastVersionWithoutFenced = 3;

export const initProducerId = defineApi<Request, Reply>({
  key: 22,
  versions: [0, 5],
  overlaps: false,
  async answer(gateway, request, { version }) {
    const { transactionalId } = request;
    return transactionalId === null
      ? newProducer(gateway)
      : begin(gateway, transactionalId, request, fencedCode(version, lastVersionWithoutFenced));
  },
});

async function newProducer({ engine }: Gateway): Promise<Reply> {
  try {
    const { producerId, epoch } = await engine.newProducer();
    return { errorCode: code.none, producerId, producerEpoch: epoch };
  } catch (error) {
    return none(changeCode(error));
  }
}

async function begin(
  { engine }: Gateway,
  transactionalId: string,
  { transactionTimeoutMs: timeoutMs, producerId, producerEpoch }: Request,
  fenced: number,
): Promise<Reply> {
  const before = producerId >= 0 && { before: { producerId, producerEpoch } };
  try {
    const begun = await engine.producerTransactions.init({ transactionalId, timeoutMs, ...before });
    return { errorCode: code.none, ...begun };
  } catch (error) {
    return none(transactionCode(error, fenced));
  }
}

const none = (errorCode: number): Reply => ({ errorCode, producerId: -1, producerEpoch: -1 });
