// Says what becomes of a batch that fails, by the settings of a form.
import type { SubscriptionForm } from './request.ts';

type Failing = Pick<SubscriptionForm, 'onFailure' | 'maximumRetryAttempts' | 'maximumRecordAgeSeconds'>;

/** The service's default follows the destination, unless somebody chose another number. */
const defaultRetries = ({ onFailure }: Failing): string => (onFailure.trim() === '' ? '-1' : '10');

/** As the service has them after the change. An empty number stays as it was. */
function retriesOf(form: Failing, before: Failing | undefined): string {
  const given = form.maximumRetryAttempts?.trim() ?? '';
  if (!before) return given || defaultRetries(form);
  if (given !== '' && given !== before.maximumRetryAttempts) return given;
  const isDefault = before.maximumRetryAttempts === defaultRetries(before);
  return isDefault ? defaultRetries(form) : (before.maximumRetryAttempts ?? '');
}

/** The note of the field for the destination. `before` is the form of the settings of now, and is left out for a new subscription. */
export function destinationNote(form: Failing, before?: Failing): string {
  const retries = retriesOf(form, before);
  const what =
    'A topic, or the ARN of an SQS queue. Without it a batch that fails is tried until it succeeds, is too old, or has used up its attempts.';
  const follows =
    before && form.maximumRetryAttempts === before.maximumRetryAttempts && retries !== before.maximumRetryAttempts;
  return follows ? `${what} The retry attempts become ${retries}, the default.` : what;
}

/** Says when records are discarded. Undefined if none is, or if they go to a destination. */
export function discarded(form: Failing, before?: Failing): string | undefined {
  if (form.onFailure.trim() !== '') return undefined;
  const retries = retriesOf(form, before);
  const age = form.maximumRecordAgeSeconds?.trim() || before?.maximumRecordAgeSeconds || '-1';
  const ends = [
    ...(retries === '-1' ? [] : [`after ${retries} retry attempts`]),
    ...(age === '-1' ? [] : [`when they are older than ${age} seconds`]),
  ];
  return ends.length === 0
    ? undefined
    : `Records that fail are discarded ${ends.join(', or ')}, because there is no destination of dead letters.`;
}
