// One fetch over several topics. The engine fetches from one topic at a time, so this asks for all of them side by side,
// and ends the waits of the others when the first one has something.
//
// Invariant: every partition that was asked for has a result, in the order of the request. One batch at least is in the
// reply if there is one, and beyond it no more than the bytes that were asked for.
import type { Engine } from '../../lib/api/engine.ts';
import { RivuletError } from '../../lib/api/errors.ts';
import type { FetchRequest, PartitionError, PartitionFetch, PartitionRecords } from '../../lib/api/records.ts';

export type TopicFetch = {
  readonly topic: string;
  readonly topicId?: string;
  readonly partitions: readonly PartitionFetch[];
};

export type Terms = Required<Pick<FetchRequest, 'maxBytes' | 'minBytes' | 'waitMs' | 'signal'>>;
export type Result = PartitionRecords | PartitionError;

export async function gather(
  engine: Pick<Engine, 'fetch'>,
  topics: readonly TopicFetch[],
  terms: Terms,
): Promise<Result[][]> {
  const first = new AbortController();
  const stop = (): void => first.abort();
  const share = {
    maxBytes: Math.max(1, Math.floor(terms.maxBytes / topics.length)),
    minBytes: Math.max(1, Math.ceil(terms.minBytes / topics.length)),
    waitMs: terms.waitMs,
    signal: first.signal,
  };
  terms.signal.addEventListener('abort', stop);
  if (terms.signal.aborted) stop();
  try {
    const results = await Promise.all(topics.map((topic) => fetchOne(engine, topic, share).finally(stop)));
    return withinBytes(results, terms.maxBytes);
  } finally {
    terms.signal.removeEventListener('abort', stop);
  }
}

async function fetchOne(engine: Pick<Engine, 'fetch'>, topic: TopicFetch, terms: Terms): Promise<Result[]> {
  try {
    return [...(await engine.fetch({ ...topic, ...terms })).partitions];
  } catch (error) {
    if (!(error instanceof RivuletError)) throw error;
    return topic.partitions.map(({ partition }) => ({ partition, error }));
  }
}

/** Each topic has brought one batch at least, and together these may be too many. The client asks for the rest again. */
function withinBytes(topics: readonly Result[][], maxBytes: number): Result[][] {
  let taken = 0;
  const fits = (batch: Uint8Array): boolean => {
    const isOver = taken > 0 && taken + batch.length > maxBytes;
    taken = isOver ? Number.POSITIVE_INFINITY : taken + batch.length;
    return !isOver;
  };
  return topics.map((results) =>
    results.map((result) => ('batches' in result ? { ...result, batches: result.batches.filter(fits) } : result)),
  );
}
