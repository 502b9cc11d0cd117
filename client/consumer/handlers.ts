// What an application gives to run(). Checked, because JavaScript calls it too: without a handler nothing would ever happen.
import { invalid } from '../client-error.ts';
import type { ConsumedMessage } from '../message.ts';
import type { TopicPartition } from './consumer-options.ts';

type MessageBatch = TopicPartition & {
  readonly messages: readonly ConsumedMessage[];
  /** The next offset to be written, when this was fetched. */
  readonly highWatermark: number;
};

export type Handlers = {
  /** Partitions that are worked on at the same time; the messages of one come in order, one after the other. Default 1. */
  readonly concurrency?: number;
} & (
  | { readonly eachMessage: (message: ConsumedMessage) => Promise<void> | void; readonly eachBatch?: never }
  | { readonly eachBatch: (batch: MessageBatch) => Promise<void> | void; readonly eachMessage?: never }
);

/** Throws RivuletClientError INVALID_REQUEST. */
export function checkHandlers(handlers: Partial<Record<'eachMessage' | 'eachBatch', unknown>> | undefined): void {
  const { eachMessage, eachBatch } = handlers ?? {};
  if (eachMessage !== undefined && eachBatch !== undefined)
    throw invalid('run: takes eachMessage or eachBatch, got both');
  if (typeof (eachMessage ?? eachBatch) === 'function') return;
  throw invalid(`run: needs a function eachMessage or eachBatch, got ${typeof (eachMessage ?? eachBatch)}`);
}
