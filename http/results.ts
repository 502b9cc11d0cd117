// Replies with a result for each part of the request. The status is 200 if any part was done. Otherwise it is the status of
// the worst error, with the same body.
import type { PartitionError } from '../lib/api/records.ts';
import type { HttpResult } from './http-event.ts';
import { json } from './operation.ts';
import { problemOf, rivuletErrorOf } from './problem.ts';

export function failedWrite({ partition, error }: PartitionError) {
  return { partition, error: problemOf(rivuletErrorOf(error, true)) };
}

export function failedRead({ partition, error }: PartitionError) {
  return { partition, error: problemOf(rivuletErrorOf(error, false)) };
}

/** A reply with a result for each part. The caller has rendered them into `body`. */
export function replyOf(results: readonly (object | PartitionError)[], body: object): HttpResult {
  return { ...json(statusOf(results), body), failures: failuresOf(results) };
}

export function failuresOf(results: readonly (object | PartitionError)[]): unknown[] {
  return results.flatMap((result) => ('error' in result ? [result.error] : []));
}

function statusOf(results: readonly (object | PartitionError)[]): number {
  const failed = results.filter((result) => 'error' in result);
  return failed.length < results.length ? 200 : failed.reduce((worst, { error }) => Math.max(worst, error.status), 200);
}
