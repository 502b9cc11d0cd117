// Which messages the application is working on, and for how long.
import { RivuletClientError } from '../client-error.ts';
import type { OpenBatch } from './partition-reader.ts';

type Work = { readonly offset: number; readonly sinceMs: number };

export type HandlerWatch = {
  begin(batch: OpenBatch, offset: number): void;
  end(batch: OpenBatch): void;
  /** Why the consumer must leave its group: something has taken longer than it may. */
  slow(): RivuletClientError | undefined;
};

/** Without a group nobody waits for a handler. */
const nobody: HandlerWatch = { begin: () => undefined, end: () => undefined, slow: () => undefined };

export function handlerWatch(
  groupId: string | undefined,
  nowMs: () => number,
  maxPollIntervalMs: number,
): HandlerWatch {
  if (groupId === undefined) return nobody;
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
          `${topic}-${partition} from offset ${offset} on has been worked on for ${tookMs} ms, and maxPollIntervalMs is ` +
          `${maxPollIntervalMs}: this consumer has left the group ${groupId}, and joins again when that is done. ` +
          'Make maxPollIntervalMs greater, or maxPollRecords of eachBatch smaller';
        return new RivuletClientError('MAX_POLL_INTERVAL_EXCEEDED', detail, { topic, partition, offset });
      }
      return undefined;
    },
  };
}
