// Checks the settings of a subscription before anything is written: bounds, and what excludes what. The bounds are those of
// Lambda's event source mappings.
import { limits } from '../../api/limits.ts';
import type { SubscriptionSettings } from '../../api/push.ts';
import { unexpected } from '../../api/refusal.ts';
import { compileFilter } from './filter/filter.ts';

const NONE = -1;

type Numbers = {
  [Name in keyof SubscriptionSettings]-?: SubscriptionSettings[Name] extends number | undefined ? Name : never;
};

/** The bounds of each number. `-1` is taken too where it means that there is no bound. */
const bounds: Readonly<
  Record<Exclude<Numbers[keyof Numbers], 'startingPositionTimestampMs'>, readonly [number, number, boolean]>
> = {
  batchSize: [1, limits.pushBatchSize, false],
  maximumBatchingWindowSeconds: [0, limits.maxBatchingWindowSeconds, false],
  maximumRetryAttempts: [0, limits.maxRetryAttempts, true],
  maximumRecordAgeSeconds: [limits.minRecordAgeSeconds, limits.maxRecordAgeSeconds, true],
  maximumConcurrency: [1, limits.maxPushConcurrency, false],
};

/** Throws INVALID_REQUEST. */
export function checkSettings(settings: SubscriptionSettings): void {
  for (const [name, [min, max, orNone]] of Object.entries(bounds)) {
    const value = settings[name as keyof typeof bounds];
    const isWithin = value === undefined || (Number.isInteger(value) && value >= min && value <= max);
    if (!isWithin && !(orNone && value === NONE))
      throw unexpected(name, `${orNone ? `${NONE} or ` : ''}a whole number from ${min} to ${max}`, value);
  }
  checkStart(settings);
  if (settings.filterCriteria) compileFilter(settings.filterCriteria);
}

function checkStart({ startingPosition, startingPositionTimestampMs: time }: SubscriptionSettings): void {
  const needsTime = startingPosition === 'AT_TIMESTAMP';
  if (needsTime && !(Number.isSafeInteger(time) && time! >= 0))
    throw unexpected('startingPositionTimestamp', 'a time in milliseconds beside AT_TIMESTAMP', time);
  if (!needsTime && time !== undefined)
    throw unexpected('startingPositionTimestamp', `nothing beside ${startingPosition}`, time);
}
