// An application gives these handlers to run(). They are checked, because JavaScript programs call run() too: without a
// handler nothing would ever happen.
import { invalid } from '../client-error.ts';
import type { ConsumedMessage } from '../message.ts';
import type { TopicPartition } from './consumer-options.ts';

export type MessageBatch<K = Buffer, V = Buffer> = TopicPartition & {
  readonly messages: readonly ConsumedMessage<K, V>[];
  /** The next offset to be written, as it was when this batch was fetched. */
  readonly highWatermark: number;
};

export type Handlers<K = Buffer, V = Buffer> = {
  /** How many partitions are worked on at the same time. The messages of one come in order, one by one. Default 1. */
  readonly concurrency?: number;
} & (
  | { readonly eachMessage: (message: ConsumedMessage<K, V>) => Promise<void> | void; readonly eachBatch?: never }
  | { readonly eachBatch: (batch: MessageBatch<K, V>) => Promise<void> | void; readonly eachMessage?: never }
);

/** Throws RivuletClientError INVALID_REQUEST. */
export function checkHandlers(handlers: Partial<Record<'eachMessage' | 'eachBatch', unknown>> | undefined): void {
  const { eachMessage, eachBatch } = handlers ?? {};
  if (eachMessage !== undefined && eachBatch !== undefined)
    throw invalid('run: expected eachMessage or eachBatch, got both');
  if (typeof (eachMessage ?? eachBatch) === 'function') return;
  throw invalid(`run: expected a function eachMessage or eachBatch, got ${typeof (eachMessage ?? eachBatch)}`);
}

/**
 * Calls a handler, and then `ended`, which learns whether the handler has thrown. Returns a promise only if the handler does: to
 * wait for nothing would take longer than many a handler.
 */
export function called(
  handle: () => Promise<void> | void,
  ended: (hasFailed: boolean) => void,
): Promise<void> | undefined {
  const failed = (error: unknown): never => {
    ended(true);
    throw error;
  };
  let working: Promise<void> | void;
  try {
    working = handle();
  } catch (error) {
    return failed(error);
  }
  if (working !== undefined) return Promise.resolve(working).then(() => ended(false), failed);
  ended(false);
  return undefined;
}
