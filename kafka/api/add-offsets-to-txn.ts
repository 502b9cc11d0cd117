// AddOffsetsToTxn (25). Opens a transaction, before offsets of a group are staged in it.
//
// Versions 0 to 3. Deviation: the group is not noted, because staged offsets name it themselves.
import { defineApi } from '../api.ts';
import { code, fencedCode, transactionCode } from '../errors.ts';

type Request = { readonly transactionalId: string; readonly producerId: number; readonly producerEpoch: number };

type Reply = { readonly errorCode: number };

/** Later ones know PRODUCER_FENCED. */
const lastVersionWithoutFenced = 1;

export const addOffsetsToTxn = defineApi<Request, Reply>({
  key: 25,
  versions: [0, 3],
  overlaps: false,
  async answer({ engine }, { transactionalId, producerId, producerEpoch }, { version, signal }) {
    try {
      await engine.producerTransactions.open({ transactionalId, producerId, producerEpoch, signal });
      return { errorCode: code.none };
    } catch (error) {
      return { errorCode: transactionCode(error, fencedCode(version, lastVersionWithoutFenced)) };
    }
  },
});
