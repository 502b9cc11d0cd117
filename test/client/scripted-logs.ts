// These logs are for a scripted server. They have a given number of records in each partition, and nothing else.
import { encodeBatch } from '../../lib/record/batch.ts';
import { type FrameGiven, fetchAsked, fetchReply, isFetch, type Script } from './scripted-server.ts';

/** Batches of `perBatch` records that cover the offsets `from` to `to`. */
export function batches(from: number, to: number, perBatch = 1): Uint8Array[] {
  const list: Uint8Array[] = [];
  for (let base = from; base < to; base += perBatch) {
    const records = Array.from({ length: Math.min(perBatch, to - base) }, (_, i) => ({
      key: null,
      value: Buffer.from(`v${base + i}`),
      headers: [],
      timestampMs: 0,
    }));
    list.push(encodeBatch(records, { baseOffset: base }));
  }
  return list;
}

/** Partition logs of that many records, `perFetch` at a time. Like the server, they wait when there is nothing to read. */
export function logs(ends: readonly number[], perFetch = 10, perBatch = 1): Script {
  return (request) => {
    if (!isFetch(request)) return undefined;
    const { partitions, waitMs } = fetchAsked(request);
    const frames = partitions.map(({ partition, offset }): FrameGiven => {
      const end = ends[partition] ?? 0;
      const first = Math.floor(offset / perBatch) * perBatch;
      return { partition, highWatermark: end, batches: batches(first, Math.min(end, first + perFetch), perBatch) };
    });
    const empty = frames.every((frame) => frame.batches?.length === 0);
    return fetchReply(frames, empty ? waitMs : 0);
  };
}
