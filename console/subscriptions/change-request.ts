// The settings of a subscription as a form, the request that changes what a person has changed there, and its command line.
// Invariant: a setting that was not touched is in neither, so that a change that somebody else makes meanwhile stays.
import { destinationIn, targetIn, targetText } from '../../cli/subscription-target.ts';
import type { SubscriptionDescription } from '../../client/admin/subscription-admin.ts';
import type { SubscriptionRef, UpdateSubscription } from '../../lib/api/push.ts';
import { rivulet } from '../data/command-lines.ts';
import { emptyForm, numbers, patternsOf, type SubscriptionForm, switches } from './request.ts';

/** A subscription is paused by its own action, with a reason. */
export const changeable = switches.filter(({ name }) => name !== 'disabled');

export function formOf({ topic, groupId, settings }: SubscriptionDescription): SubscriptionForm {
  const { target, onFailure, filterCriteria } = settings;
  return {
    ...{ ...emptyForm, topic, groupId, kind: 'url' in target ? 'webhook' : 'function', target: targetText(target) },
    ...Object.fromEntries(numbers.map(({ name }) => [name, String(settings[name] ?? '')])),
    ...{ bisectBatchOnFunctionError: settings.bisectBatchOnFunctionError },
    ...{ reportBatchItemFailures: settings.reportBatchItemFailures },
    filters: (filterCriteria?.filters ?? []).map(({ pattern }) => inOneLine(pattern)).join('\n'),
    onFailure: onFailure ? ('topic' in onFailure ? onFailure.topic : onFailure.queue) : '',
  };
}

/** The form has a pattern a line. In JSON a line break stands between its parts only, where a space means the same. */
const inOneLine = (pattern: string): string => pattern.replace(/\s*[\r\n]\s*/g, ' ');

/** One setting that differs: what the request has of it, and the words of the command line. */
type Change = { readonly setting: Omit<UpdateSubscription, keyof SubscriptionRef>; readonly words: readonly string[] };

function changesOf(before: SubscriptionForm, form: SubscriptionForm): readonly Change[] {
  const text = (name: 'target' | 'onFailure'): string => form[name].trim();
  const changes: Change[] = [];
  if (text('target') !== before.target)
    changes.push({
      setting: { target: targetIn(form.kind, text('target')) },
      words: [`--${form.kind}`, text('target')],
    });
  for (const { name, flag } of numbers) {
    const number = form[name]?.trim() ?? '';
    if (number === before[name]) continue;
    if (number !== '') changes.push({ setting: { [name]: Number(number) }, words: [flag, number] });
    // The other numbers cannot be taken away.
    else if (name === 'maximumConcurrency') changes.push({ setting: { [name]: null }, words: [negated(flag)] });
  }
  for (const { name, flag } of changeable) {
    const on = form[name] ?? false;
    if (on !== before[name]) changes.push({ setting: { [name]: on }, words: [on ? flag : negated(flag)] });
  }
  if (form.filters !== before.filters) changes.push(filterChange(patternsOf(form)));
  if (text('onFailure') !== before.onFailure) changes.push(destinationChange(text('onFailure')));
  return changes;
}

const negated = (flag: string): string => flag.replace('--', '--no-');

const filterChange = (patterns: readonly string[]): Change =>
  patterns.length === 0
    ? { setting: { filterCriteria: null }, words: ['--no-filter'] }
    : {
        setting: { filterCriteria: { filters: patterns.map((pattern) => ({ pattern })) } },
        words: patterns.flatMap((pattern) => ['--filter', pattern]),
      };

const destinationChange = (destination: string): Change =>
  destination === ''
    ? { setting: { onFailure: null }, words: ['--no-on-failure'] }
    : { setting: { onFailure: destinationIn(destination) }, words: ['--on-failure', destination] };

export type SettingsChange = { readonly request: UpdateSubscription; readonly command: string };

/** Undefined if nothing has changed. */
export function changeOf(before: SubscriptionForm, form: SubscriptionForm): SettingsChange | undefined {
  const changes = changesOf(before, form);
  if (changes.length === 0) return undefined;
  const { topic, groupId } = before;
  const words = changes.flatMap((change) => change.words);
  return {
    request: Object.assign({ topic, groupId }, ...changes.map(({ setting }) => setting)) as UpdateSubscription,
    command: rivulet('subscriptions', 'update', groupId, ...words),
  };
}
