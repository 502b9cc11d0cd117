// EndTxn (26). Commits or aborts the open transaction.
//
// Versions 0 to 5; from version 5 on the epoch rises, and the reply tells it. A repeat gets the same answer. Deviation: the reply to a commit comes when everything can be read, and not
// when the commit is decided. A commit that has become an abort, because its time was over or its offsets can no longer be
// committed, is answered with INVALID_PRODUCER_ID_MAPPING: clients abort after it, and go on with a new epoch.
import { RivuletError } from '../../lib/api/errors.ts';
import { defineApi } from '../api.ts';
import { code, fencedCode, transactionCode } from '../errors.ts';

type Request = {
  readonly transactionalId: string;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly committed: boolean;
};

type Reply = { readonly errorCode: number; readonly producerId?: number; readonly producerEpoch?: number };

/** Later ones know PRODUCER_FENCED. */
const lastVersionWithoutFenced = 1;
/** Transactions of such clients are opened by what they stage. */
const firstVersionWithEpoch = 5;

export const endTxn = defineApi<Request, Reply>({
  key: 26,
  versions: [0, 5],
  overlaps: false,
  async answer({ engine }, { committed, ...ref }, { version, signal }) {
    try {
      const opens = version >= firstVersionWithEpoch;
      const outcome = committed ? 'committed' : 'aborted';
      const { producerId, producerEpoch } = await engine.producerTransactions.end({
        ...{ in: { ...ref, signal, opens }, outcome },
      });
      return { errorCode: code.none, producerId, producerEpoch };
    } catch (error) {
      const isCommitted = !committed && error instanceof RivuletError && error.errorCode === 'INVALID_TXN_STATE';
      const errorCode = isCommitted
        ? code.invalidTxnState
        : endCode(error, fencedCode(version, lastVersionWithoutFenced));
      return { errorCode };
    }
  },
});

/** The errors that only a commit has say that the transaction was aborted. */
function endCode(error: unknown, fenced: number): number {
  const isAborted = error instanceof RivuletError && !error.retriable && abortions.has(error.errorCode);
  return isAborted ? code.invalidProducerIdMapping : transactionCode(error, fenced);
}

const abortions = new Set<RivuletError['errorCode']>(['INVALID_PRODUCER_EPOCH', 'UNKNOWN_TOPIC_OR_PARTITION']);
