// The page's side of the worker that runs a JavaScript predicate.
// Invariant: a predicate that makes no progress for a second is ended with its worker, and the page goes on.

import type { FromWorker, ToWorker } from './predicate-worker.ts';
import type { Row } from './row.ts';
import { textOf } from './text.ts';

const patienceMs = 1_000;
/** The worker has to be loaded first. The code of the predicate does not run yet. */
const startMs = 10_000;
/** Records are sent in portions, so that each comes back within the patience. */
const portion = 500;

export type Predicate = {
  /** Rejects with a sentence when the predicate throws, or takes too long. */
  keep(rows: readonly Row[], signal: AbortSignal): Promise<Row[]>;
  end(): void;
};

export async function startPredicate(source: string): Promise<Predicate> {
  const worker = new Worker(new URL('./predicate-worker.ts', import.meta.url), { type: 'module' });
  // Several steps of a scan share the worker: each waits for the answer to the one before it.
  let last: Promise<unknown> = Promise.resolve();
  const ask = (message: ToWorker, signal?: AbortSignal): Promise<readonly boolean[]> => {
    const answered = last.then(() => {
      signal?.throwIfAborted();
      return exchange(worker, message, 'source' in message ? startMs : patienceMs);
    });
    last = answered.catch(() => undefined);
    return answered;
  };
  await ask({ source }).catch((error: unknown) => {
    worker.terminate();
    throw error;
  });
  return {
    async keep(rows, signal) {
      const kept: Row[] = [];
      for (let at = 0; at < rows.length; at += portion) {
        const some = rows.slice(at, at + portion);
        const answers = await ask({ records: some.map(seen) }, signal);
        for (const [index, row] of some.entries()) if (answers[index] === true) kept.push(row);
      }
      return kept;
    },
    end: () => worker.terminate(),
  };
}

function exchange(worker: Worker, message: ToWorker, mostMs: number): Promise<readonly boolean[]> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      worker.terminate();
      reject(new Error(`predicate: expected an answer within ${mostMs} ms, got none: it was ended`));
    }, mostMs);
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      clearTimeout(timer);
      if ('error' in data) reject(new Error(`predicate: ${data.error}`));
      else resolve(data.kept);
    };
    worker.onerror = (event) => {
      clearTimeout(timer);
      reject(new Error(`predicate: the worker failed: ${event.message}`));
    };
    worker.postMessage(message);
  });
}

const seen = ({ partition, offset, timestamp, key, value, headers }: Row) => ({
  ...{ partition, offset, timestamp },
  ...{ key: key && textOf(key), value: value && textOf(value) },
  headers: Object.fromEntries(headers.map((header) => [header.key, header.value && textOf(header.value)])),
});
