// A subscription as a person fills it in, the request that it makes, and the command line that does the same.
// Invariant: a field that is empty is left out of both, so that the service's own default holds. The service checks the others.
import { timeIn } from '../../cli/iso-times.ts';
import { destinationIn, targetIn } from '../../cli/subscription-target.ts';
import type { CreateSubscription } from '../../client/admin/subscription-admin.ts';
import { limits } from '../../lib/api/limits.ts';
import type { StartingPosition } from '../../lib/api/push.ts';
import { rivulet } from '../data/command-lines.ts';

export const numbers = [
  {
    name: 'batchSize',
    flag: '--batch-size',
    label: 'Batch size',
    note: 'The most records of an event.',
    usual: '100',
    min: 1,
    max: limits.pushBatchSize,
  },
  {
    name: 'maximumBatchingWindowSeconds',
    flag: '--maximum-batching-window-in-seconds',
    label: 'Batching window',
    note: 'Seconds that a delivery may wait for a full batch.',
    usual: '0',
    min: 0,
    max: limits.maxBatchingWindowSeconds,
  },
  {
    name: 'maximumRetryAttempts',
    flag: '--maximum-retry-attempts',
    label: 'Retry attempts',
    note: 'Tries after the first one. -1 is without end.',
    usual: '-1; 10 with a destination of dead letters',
    min: -1,
    max: limits.maxRetryAttempts,
  },
  {
    name: 'maximumRecordAgeSeconds',
    flag: '--maximum-record-age-in-seconds',
    label: 'Record age',
    note: `Gives up records that are older, in seconds from ${limits.minRecordAgeSeconds}. -1 is never.`,
    usual: '-1',
    min: -1,
    max: limits.maxRecordAgeSeconds,
  },
  {
    name: 'maximumConcurrency',
    flag: '--maximum-concurrency',
    label: 'Concurrency',
    note: 'The most partitions that are delivered at the same time.',
    usual: 'as many as the service takes',
    min: 1,
    max: limits.maxPushConcurrency,
  },
] as const;

export const switches = [
  {
    name: 'bisectBatchOnFunctionError',
    flag: '--bisect-batch-on-function-error',
    note: 'Try the halves of a batch that failed, so that one bad record is alone in the end',
  },
  {
    name: 'reportBatchItemFailures',
    flag: '--report-batch-item-failures',
    note: 'The answer may name the records that failed (batchItemFailures)',
  },
  { name: 'disabled', flag: '--disabled', note: 'Create it paused' },
] as const;

export type Switch = (typeof switches)[number];

type Numbers = Partial<Record<(typeof numbers)[number]['name'], string>>;
type Switches = Partial<Record<Switch['name'], boolean>>;

export type SubscriptionForm = Numbers &
  Switches & {
    readonly groupId: string;
    readonly topic: string;
    readonly kind: 'webhook' | 'function';
    readonly target: string;
    readonly position: StartingPosition;
    /** Only with AT_TIMESTAMP. */
    readonly time: string;
    /** One pattern a line. */
    readonly filters: string;
    /** The name of a topic, or the ARN of a queue. */
    readonly onFailure: string;
  };

export const emptyForm: SubscriptionForm = {
  groupId: '',
  topic: '',
  kind: 'webhook',
  target: '',
  position: 'TRIM_HORIZON',
  time: '',
  filters: '',
  onFailure: '',
};

export const isComplete = ({ groupId, topic, target, position, time }: SubscriptionForm): boolean =>
  [groupId, topic, target].every((text) => text.trim() !== '') && (position !== 'AT_TIMESTAMP' || time.trim() !== '');

/** Throws a sentence that names the field. */
export function requestOf(form: SubscriptionForm): CreateSubscription {
  const { groupId, topic, kind, target, bisectBatchOnFunctionError, reportBatchItemFailures, disabled } = form;
  const [onFailure, patterns] = [form.onFailure.trim(), patternsOf(form)];
  return {
    ...{ groupId: groupId.trim(), topic, target: targetIn(kind, target.trim()), ...positionOf(form) },
    ...Object.fromEntries(given(form).map(([{ name }, text]) => [name, Number(text)])),
    ...(bisectBatchOnFunctionError && { bisectBatchOnFunctionError }),
    ...(reportBatchItemFailures && { reportBatchItemFailures }),
    ...(patterns.length > 0 && { filterCriteria: { filters: patterns.map((pattern) => ({ pattern })) } }),
    ...(onFailure !== '' && { onFailure: destinationIn(onFailure) }),
    ...(disabled && { enabled: false }),
  };
}

export function commandOf(form: SubscriptionForm): string {
  const { groupId, topic, kind, target, position, time } = form;
  const onFailure = form.onFailure.trim();
  const from = position === 'AT_TIMESTAMP' ? time.trim() : position;
  return rivulet(
    ...['subscriptions', 'create', groupId.trim(), '--topic', topic, `--${kind}`, target.trim()],
    ...(position === emptyForm.position ? [] : ['--starting-position', from]),
    ...given(form).flatMap(([{ flag }, text]) => [flag, text]),
    ...switches.filter(({ name }) => form[name]).map(({ flag }) => flag),
    ...patternsOf(form).flatMap((pattern) => ['--filter', pattern]),
    ...(onFailure === '' ? [] : ['--on-failure', onFailure]),
  );
}

const given = (form: SubscriptionForm): (readonly [(typeof numbers)[number], string])[] =>
  numbers.map((of) => [of, form[of.name]?.trim() ?? ''] as const).filter(([, text]) => text !== '');

export const patternsOf = ({ filters }: SubscriptionForm): string[] =>
  filters
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

function positionOf({
  position,
  time,
}: SubscriptionForm): Pick<CreateSubscription, 'startingPosition' | 'startingPositionTimestamp'> {
  if (position !== 'AT_TIMESTAMP') return { startingPosition: position };
  const startingPositionTimestamp = timeIn(time.trim());
  if (startingPositionTimestamp === undefined)
    throw new Error(`time: expected a time like 2026-11-22T09:00:00Z, got ${time || 'nothing'}`);
  return { startingPosition: position, startingPositionTimestamp };
}
