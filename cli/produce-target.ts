// Where `rivulet produce` sends its lines: a producer, or one transaction of it. A transaction is committed at the end of the
// input, and aborted if anything went wrong or a signal came. So either all lines are in the topic, or none.
import { isClientError } from '../client/client-error.ts';
import type { Producer } from '../client/producer/producer.ts';
import type { Transaction } from '../client/producer/transaction.ts';

export type ProduceTarget = {
  readonly sender: Pick<Producer, 'send'>;
  /** The word for a record whose send has succeeded. */
  readonly done: 'acknowledged' | 'staged' | 'sent';
  /** All lines were read and sent. */
  finish(): Promise<void>;
  /** Nothing more comes, whether finish() was called or not. */
  close(): Promise<void>;
  /** The end of the summary: what became of the whole. */
  fate(): string;
};

export const plainTarget = (producer: Producer, isUnacknowledged: boolean): ProduceTarget => ({
  sender: producer,
  done: isUnacknowledged ? 'sent' : 'acknowledged',
  finish: async () => {},
  close: () => producer.disconnect(),
  fate: () => (isUnacknowledged ? '; with acks=0, nothing is known of them' : ''),
});

/** Holds also if the abort is refused or gets no answer: nothing but a commit of this command shows a line. */
const notCommitted = 'not committed, so none is written';

export async function transactionTarget(producer: Producer): Promise<ProduceTarget> {
  const transaction = await producer.transaction();
  let fate = notCommitted;
  return {
    sender: transaction,
    done: 'staged',
    async finish() {
      fate = 'the commit has got no answer';
      try {
        await transaction.commit();
      } catch (error) {
        const isRefused = isClientError(error) && error.outcome === 'not-written';
        if (isRefused) fate = notCommitted;
        throw error;
      }
      fate = 'committed';
    },
    async close() {
      if (await isAborted(transaction)) fate = 'aborted, so none is written';
      await producer.disconnect();
    },
    fate: () => `; ${fate}`,
  };
}

/** Does nothing after a commit. The abort after a commit without an answer says by its refusal that there is nothing to abort. */
async function isAborted(transaction: Transaction): Promise<boolean> {
  if (!transaction.isActive()) return false;
  try {
    await transaction.abort();
    return true;
  } catch (error) {
    if (!isClientError(error)) throw error;
    return false;
  }
}
