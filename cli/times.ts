// The times and durations among the options of commands: what iso-times.ts reads, or commander's error.
import { InvalidArgumentError } from 'commander';
import { durationIn, timeIn } from './iso-times.ts';

/** Returns epoch milliseconds. */
export function isoTime(text: string): number {
  const ms = timeIn(text);
  if (ms !== undefined) return ms;
  throw new InvalidArgumentError(
    'It must be a time since 1970 like 2026-11-22T09:00:00Z, UTC if it names no zone, or epoch milliseconds.',
  );
}

/** Returns milliseconds. */
export function isoDuration(text: string): number {
  const ms = durationIn(text);
  if (ms !== undefined) return ms;
  throw new InvalidArgumentError('It must be an ISO 8601 duration like PT30M, PT1H or P2DT12H.');
}
