// The watch records which messages the application is working on, and for how long.
import { RivuletClientError } from '../client-error.ts';
import type { OpenBatch } from './partition-reader.ts';

type Work = { readonly offset: number; readonly sinceMs: number };

export type HandlerWatch = {
  begin(batch: OpenBatch, offset: number): void;
  end(batch: OpenBatch): void;
  /** @returns why the consumer must leave its group, if work on a message takes longer than maxPollIntervalMs. */
  slow(): RivuletClientError | undefined;
};

/** Without a group, no other consumer waits for a handler. */
const noWatch: HandlerWatch = { begin: () => undefined, end: () => undefined, slow: () => undefined };

export function handlerWatch(
  groupId: string | undefined,
  nowMs: () => number,
  maxPollIntervalMs: number,
): HandlerWatch {
  if (groupId === undefined) return noWatch;
  const working = new Map<OpenBatch, Work>();
  return {
    begin: (batch, offset) => void working.set(batch, { offset, sinceMs: nowMs() }),
    end: (batch) => void working.delete(batch),
    slow() {
      for (const [{ assigned }, { offset, sinceMs }] of working) {
        const tookMs = Math.round(nowMs() - sinceMs);
        if (tookMs <= maxPollIntervalMs) continue;
        const { topic, partition } = assigned;
        const detail =
          `a handler has worked on ${topic}-${partition} from offset ${offset} for ${tookMs} ms, and maxPollIntervalMs ` +
          `is ${maxPollIntervalMs}: this consumer has left the group ${groupId}, and joins again when the handler is done. ` +
          'Make maxPollIntervalMs greater, or maxPollRecords of eachBatch smaller';
        return new RivuletClientError('MAX_POLL_INTERVAL_EXCEEDED', detail, { topic, partition, offset });
      }
      return undefined;
    },
  };
}
