// The settings of a subscription as a form, and what a change of it asks for. It needs no browser.
import { expect, test } from 'vitest';
import type { SubscriptionDescription } from '../../client/admin/subscription-admin.ts';
import { changeOf, formOf } from '../../console/subscriptions/change-request.ts';
import { destinationNote, discarded } from '../../console/subscriptions/dead-letters.ts';

const settings = {
  ...{ target: { url: 'https://example.com/orders' }, batchSize: 100, maximumBatchingWindowSeconds: 0 },
  ...{ maximumRetryAttempts: 10, maximumRecordAgeSeconds: -1, onFailure: { topic: 'dead' } },
  ...{ bisectBatchOnFunctionError: false, reportBatchItemFailures: false },
};
const formWith = (changes: object = {}) =>
  formOf({
    ...{ topic: 'orders', groupId: 'billing', settings: { ...settings, ...changes } },
  } as unknown as SubscriptionDescription);

test('a pattern of several lines stays one pattern, with what it says', () => {
  const pattern = '{\n  "value": {\r\n    "id": [12345678901234567890, "a  b"]\n  }\n}';
  const before = formWith({ filterCriteria: { filters: [{ pattern }] } });
  const line = '{ "value": { "id": [12345678901234567890, "a  b"] } }';
  expect(before.filters).toBe(line);
  expect(changeOf(before, { ...before })).toBeUndefined();
  const second = '{"key":["k"]}';
  expect(changeOf(before, { ...before, filters: `${line}\n${second}` })?.request).toMatchObject({
    filterCriteria: { filters: [{ pattern: line }, { pattern: second }] },
  });
});

test('an emptied concurrency has no limit', () => {
  const before = formWith({ maximumConcurrency: 3 });
  expect(changeOf(before, { ...before, maximumConcurrency: '' })).toMatchObject({
    request: { maximumConcurrency: null },
    command: 'npx rivulet subscriptions update billing --no-maximum-concurrency',
  });
  const unlimited = formWith();
  expect(changeOf(unlimited, { ...unlimited, maximumConcurrency: ' ', batchSize: '' })).toBeUndefined();
});

test('records that would be discarded are told of', () => {
  const before = formWith();
  expect(discarded(before, before)).toBeUndefined();
  // The default of the attempts goes with the destination.
  const without = { ...before, onFailure: '' };
  expect(discarded(without, before)).toBeUndefined();
  expect(destinationNote(without, before)).toContain('The retry attempts become -1');
  expect(discarded({ ...without, maximumRetryAttempts: '3' }, before)).toContain('discarded after 3 retry attempts');
  const chosen = formWith({ maximumRetryAttempts: 5 });
  expect(discarded({ ...chosen, onFailure: '' }, chosen)).toContain('discarded after 5 retry attempts');
  expect(destinationNote({ ...chosen, onFailure: '' }, chosen)).not.toContain('become');
  expect(discarded({ ...without, maximumRecordAgeSeconds: '60' }, before)).toContain('older than 60 seconds');
  const endless = formWith({ maximumRetryAttempts: -1, onFailure: undefined });
  expect(destinationNote({ ...endless, onFailure: 'dead' }, endless)).toContain('The retry attempts become 10');
  // A new subscription.
  expect(discarded({ onFailure: '' })).toBeUndefined();
  expect(discarded({ onFailure: '', maximumRetryAttempts: '10' })).toContain('discarded after 10 retry attempts');
});
