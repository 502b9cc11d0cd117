// AddPartitionsToTxn (24). Opens a transaction, before records are staged in it.
//
// Versions 0 to 3; later ones are between brokers. Deviation: the partitions are not noted, because a staged batch names its
// partition itself. So partitions that do not exist are refused when a batch comes for them.
import { defineApi } from '../api.ts';
import { code, fencedCode, transactionCode } from '../errors.ts';

type Request = {
  readonly v3AndBelowTransactionalId: string;
  readonly v3AndBelowProducerId: number;
  readonly v3AndBelowProducerEpoch: number;
  readonly v3AndBelowTopics: readonly { readonly name: string; readonly partitions: readonly number[] }[];
};

type Reply = {
  readonly resultsByTopicV3AndBelow: readonly {
    readonly name: string;
    readonly resultsByPartition: readonly { readonly partitionIndex: number; readonly partitionErrorCode: number }[];
  }[];
};

/** Later ones know PRODUCER_FENCED. */
const lastVersionWithoutFenced = 1;

export const addPartitionsToTxn = defineApi<Request, Reply>({
  key: 24,
  versions: [0, 3],
  overlaps: false,
  async answer({ engine }, request, { version, signal }) {
    const ref = {
      transactionalId: request.v3AndBelowTransactionalId,
      producerId: request.v3AndBelowProducerId,
      producerEpoch: request.v3AndBelowProducerEpoch,
      signal,
    };
    const partitionErrorCode = await engine.producerTransactions.open(ref).then(
      () => code.none,
      (error: unknown) => transactionCode(error, fencedCode(version, lastVersionWithoutFenced)),
    );
    return {
      resultsByTopicV3AndBelow: request.v3AndBelowTopics.map(({ name, partitions }) => ({
        name,
        resultsByPartition: partitions.map((partitionIndex) => ({ partitionIndex, partitionErrorCode })),
      })),
    };
  },
});
