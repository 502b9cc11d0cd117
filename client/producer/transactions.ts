// The transactions of one transactionalId, one after the other. The first one makes this process the newest instance of the
// id, which fences all earlier ones. Each end gives the number and the epoch of the next.
import { invalid, isClientError } from '../client-error.ts';
import type { Call, Connection } from '../transport/connection.ts';
import { paths } from '../transport/paths.ts';
import { retrying } from '../transport/retry.ts';
import { wholeOption } from '../whole-option.ts';
import { mayHaveActed, saysEnded } from './end-errors.ts';
import type { ProducerIds } from './producer-ids.ts';
import type { ProducerOptions } from './producer-options.ts';
import type { ProducerContext, Sender } from './sender.ts';
import { type CommittedRecords, Transaction, type TransactionCalls } from './transaction.ts';

const timeoutBounds = { fallback: 60_000, min: 1, max: 900_000 };

type Present = {
  readonly transaction: number;
  readonly token: string;
  readonly producerId: number;
  readonly producerEpoch: number;
};

type Ended = {
  readonly next: number;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly offsets?: readonly CommittedRecords[];
};

export type NewProducer<K, V> = (context: ProducerContext, ids: ProducerIds) => Sender<K, V>;

export class Transactions<K, V> {
  readonly #context: ProducerContext;
  readonly #path: string;
  readonly #transactionalId: string;
  readonly #timeoutMs: number;
  readonly #newProducer: NewProducer<K, V>;
  #present: Promise<Present> | undefined;
  #active: Transaction<K, V> | undefined;
  #isBeginning = false;

  constructor(
    options: Pick<ProducerOptions, 'transactionalId' | 'transactionTimeoutMs'>,
    context: ProducerContext,
    newProducer: NewProducer<K, V>,
  ) {
    this.#context = context;
    this.#transactionalId = options.transactionalId!;
    this.#path = paths.transaction(this.#transactionalId);
    this.#timeoutMs = wholeOption('transactionTimeoutMs', options.transactionTimeoutMs, timeoutBounds);
    this.#newProducer = newProducer;
  }

  /** Two at a time would number their batches alike, and those of one would pass for repeats of the other's. */
  async begin(): Promise<Transaction<K, V>> {
    if (this.#isBeginning || this.#active?.isActive())
      throw invalid(`a transaction of ${this.#transactionalId} is open: commit or abort it before the next one`);
    this.#isBeginning = true;
    try {
      this.#active = await this.#begun();
      return this.#active;
    } finally {
      this.#isBeginning = false;
    }
  }

  async #begun(): Promise<Transaction<K, V>> {
    this.#present ??= this.#init();
    const present = await this.#present.catch((error: unknown) => {
      this.#present = undefined;
      throw error;
    });
    const header = `${this.#transactionalId} ${present.transaction} ${present.token}`;
    const connection = inTransaction(this.#context.connection, header);
    const producer = this.#newProducer({ ...this.#context, connection }, fixedIdentity(present));
    return new Transaction(this.#callsOf(present, connection), producer);
  }

  /** A repeat of an init whose reply was lost begins once more, which harms nobody. */
  #init(): Promise<Present> {
    return this.#retrying({
      method: 'POST',
      path: `${this.#path}/init`,
      body: { timeoutMs: this.#timeoutMs },
      writes: true,
    });
  }

  #callsOf(present: Present, connection: Connection): TransactionCalls {
    const { transaction, token } = present;
    const end = async (how: 'commit' | 'abort', further: object = {}): Promise<Ended> => {
      try {
        const body = { transaction, token, ...further };
        const ended = await this.#retrying<Ended>({ method: 'POST', path: `${this.#path}/${how}`, body, writes: true });
        this.#present = Promise.resolve({ ...present, ...ended, transaction: ended.next });
        return ended;
      } catch (error) {
        // An instance that was fenced, or whose transaction timed out, begins again as a new one.
        if (saysEnded(error) || !mayHaveActed(error)) this.#present = undefined;
        throw error;
      }
    };
    return {
      write: (path, body) =>
        retrying(this.#context.clock, this.#context.retry, () =>
          connection.ask<void>({ method: 'POST', path, body, writes: true }),
        ),
      commit: async (offsets) => (await end('commit', { offsets })).offsets,
      abort: async () => {
        await end('abort');
      },
    };
  }

  #retrying<T>(call: Call): Promise<T> {
    const { clock, retry, connection } = this.#context;
    return retrying(clock, retry, async (before) => {
      try {
        return await connection.ask<T>(call);
      } catch (error) {
        // "Not written" is said of this try. An earlier one, whose answer was lost, may have acted.
        if (isClientError(error) && mayHaveActed(before)) throw error.with({ outcome: 'unknown' });
        throw error;
      }
    });
  }
}

/** Every write through it belongs to the transaction. */
function inTransaction(connection: Connection, header: string): Connection {
  const within = (call: Call): Call =>
    call.writes ? { ...call, headers: { ...call.headers, 'rivulet-transaction': header } } : call;
  return {
    exchange: (call) => connection.exchange(within(call)),
    ask: (call) => connection.ask(within(call)),
  };
}

/** A transaction has one identity. If it is retired, no other one takes its place, and the rest of the sends fail. */
function fixedIdentity({ producerId, producerEpoch }: Present): ProducerIds {
  const identity = { producerId, epoch: producerEpoch };
  return { current: () => identity, acquire: async () => {}, retire: () => {} };
}
