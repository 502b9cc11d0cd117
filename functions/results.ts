// Replies with a result for each part of the request: a 200 if anything was done; else the status of the worst error,
// with the same body.
import type { PartitionError } from '../lib/engine.ts';
import { problemOf, rivuletErrorOf } from './problem.ts';

export function failedWrite({ partition, error }: PartitionError) {
  return { partition, error: problemOf(rivuletErrorOf(error, true)) };
}

export function failedRead({ partition, error }: PartitionError) {
  return { partition, error: problemOf(rivuletErrorOf(error, false)) };
}

export function statusOf(results: readonly (object | PartitionError)[]): number {
  const failed = results.filter((result) => 'error' in result);
  return failed.length < results.length ? 200 : failed.reduce((worst, { error }) => Math.max(worst, error.status), 200);
}
