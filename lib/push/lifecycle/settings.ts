// The bounds and defaults of a subscription's settings. They are those of Lambda's event source mappings.
import { limits } from '../../api/limits.ts';
import type {
  ChangeableSettings,
  CreateSubscription,
  SubscriptionSettings,
  UpdateSubscription,
} from '../../api/push.ts';
import { invalid } from '../../api/refusal.ts';

const retriesWithDestination = 10;
const endless = -1;
const defaultRetries = (onFailure: UpdateSubscription['onFailure']): number =>
  onFailure ? retriesWithDestination : endless;

export function settingsOf({
  topic: _t,
  groupId: _g,
  enabled: _e,
  ...given
}: CreateSubscription): SubscriptionSettings {
  const settings: SubscriptionSettings = {
    batchSize: 100,
    maximumBatchingWindowSeconds: 0,
    maximumRetryAttempts: defaultRetries(given.onFailure),
    maximumRecordAgeSeconds: endless,
    bisectBatchOnFunctionError: false,
    reportBatchItemFailures: false,
    ...withoutUndefined(given),
  };
  checkSettings(settings);
  return settings;
}

/**
 * Null takes an optional setting away. Without a destination, records that are given up are lost: so the default of the attempts
 * comes and goes with the destination, unless somebody chose another number.
 */
export function changedSettings(
  before: SubscriptionSettings,
  { topic: _t, groupId: _g, enabled: _e, ...changes }: UpdateSubscription,
): SubscriptionSettings {
  const { onFailure = before.onFailure } = changes;
  const isDefault = before.maximumRetryAttempts === defaultRetries(before.onFailure);
  const follows = isDefault && { maximumRetryAttempts: defaultRetries(onFailure) };
  const merged: Record<string, unknown> = { ...before, ...follows, ...withoutUndefined(changes) };
  for (const [name, value] of Object.entries(merged)) if (value === null) delete merged[name];
  const settings = merged as SubscriptionSettings;
  checkSettings(settings);
  return settings;
}

const withoutUndefined = <T extends object>(given: T): T =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T;

type Numbers = {
  readonly [Name in keyof ChangeableSettings as ChangeableSettings[Name] extends number | undefined
    ? Name
    : never]-?: number;
};
type Bound = { readonly min: number; readonly max: number; readonly orEndless?: true };

const bounds: { readonly [Name in keyof Numbers]: Bound } = {
  batchSize: { min: 1, max: limits.pushBatchSize },
  maximumBatchingWindowSeconds: { min: 0, max: limits.maxBatchingWindowSeconds },
  maximumRetryAttempts: { min: 0, max: limits.maxRetryAttempts, orEndless: true },
  maximumRecordAgeSeconds: { min: limits.minRecordAgeSeconds, max: limits.maxRecordAgeSeconds, orEndless: true },
  maximumConcurrency: { min: 1, max: limits.maxPushConcurrency },
};

function checkSettings(settings: SubscriptionSettings): void {
  for (const [name, bound] of Object.entries(bounds)) {
    const value = settings[name as keyof Numbers];
    if (value !== undefined && !isWithin(value, bound))
      throw invalid(`${name}: expected ${textOf(bound)}, got ${value}`);
  }
  checkStart(settings);
}

const isWithin = (value: number, { min, max, orEndless }: Bound): boolean =>
  Number.isInteger(value) && ((value >= min && value <= max) || (orEndless === true && value === endless));

const textOf = ({ min, max, orEndless }: Bound): string =>
  `a whole number from ${min} to ${max}${orEndless ? `, or ${endless} for no bound` : ''}`;

function checkStart({ startingPosition, startingPositionTimestampMs: timestampMs }: SubscriptionSettings): void {
  const needsTime = startingPosition === 'AT_TIMESTAMP';
  if (needsTime && !(Number.isSafeInteger(timestampMs) && timestampMs! >= 0))
    throw invalid(
      `startingPositionTimestampMs: expected milliseconds since 1970 with AT_TIMESTAMP, got ${timestampMs}`,
    );
  if (!needsTime && timestampMs !== undefined)
    throw invalid(`startingPositionTimestampMs: expected none with ${startingPosition}, got ${timestampMs}`);
}
