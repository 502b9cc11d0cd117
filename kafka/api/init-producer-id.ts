// InitProducerId (22). Gives an idempotent producer its id.
//
// Versions 0 to 5. Deviation: transactions are not served yet. A producer with a transactional id is refused with
// UNSUPPORTED_VERSION, which ends it.
import { defineApi } from '../api.ts';
import { changeCode, code } from '../errors.ts';

type Request = { readonly transactionalId: string | null };

type Reply = { readonly errorCode: number; readonly producerId: number; readonly producerEpoch: number };

export const initProducerId = defineApi<Request, Reply>({
  key: 22,
  versions: [0, 5],
  overlaps: false,
  async answer({ engine }, { transactionalId }) {
    if (transactionalId !== null) return none(code.unsupportedVersion);
    try {
      const { producerId, epoch } = await engine.newProducer();
      return { errorCode: code.none, producerId, producerEpoch: epoch };
    } catch (error) {
      return none(changeCode(error));
    }
  },
});

const none = (errorCode: number): Reply => ({ errorCode, producerId: -1, producerEpoch: -1 });
