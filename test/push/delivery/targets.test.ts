import { describe, expect, test } from 'vitest';
import type { SubscriptionSettings } from '../../../lib/api/push.ts';
import { checkPatterns, parseFunctionArn, parseQueueArn } from '../../../lib/push/delivery/arns.ts';
import { createTargets } from '../../../lib/push/delivery/targets.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';

const settings: SubscriptionSettings = {
  target: { url: 'http://127.0.0.1:3000/orders' },
  startingPosition: 'TRIM_HORIZON',
  batchSize: 100,
  maximumBatchingWindowSeconds: 0,
  maximumRetryAttempts: -1,
  maximumRecordAgeSeconds: -1,
  bisectBatchOnFunctionError: false,
  reportBatchItemFailures: false,
};
const network = { local: true };
const targets = createTargets({ network, bootstrapServers: '127.0.0.1:9092', clock: systemClock });
const check = (given: Partial<SubscriptionSettings>) => targets.check({ ...settings, ...given });

test.each([
  [
    { filterCriteria: { filters: [{ pattern: '{"value":[]}' }] } },
    'filterCriteria.filters[0].pattern.value: expected at least one rule',
  ],
  [{ target: { url: 'http://10.0.0.1/' } }, 'target.url: expected https: (http: is for this machine only)'],
  [
    { target: { function: 'arn:aws:lambda:eu-central-1:123456789012:function:f' } },
    'target.function: expected a target.url, because this service delivers to webhooks only',
  ],
  [
    { onFailure: { queue: 'arn:aws:sqs:eu-central-1:123456789012:q' } },
    'onFailure.queue: expected an onFailure.topic, because this service has no access to queues',
  ],
])('%j is refused', async (given, message) => {
  await expect(check(given)).rejects.toThrow(message);
});

test('a webhook whose name is not known yet is taken, and one that leads to a private network is not', async () => {
  const leadingTo = (resolve: () => Promise<never[] | { address: string; family: 4 }[]>) =>
    createTargets({ network: { ...network, resolve }, bootstrapServers: '', clock: systemClock });
  const given = { ...settings, target: { url: 'https://later.example.com/' } };
  const unknown = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' });
  await leadingTo(() => Promise.reject(unknown)).check(given);
  const plain = { ...settings, target: { url: 'http://later.example.com/' } };
  await expect(leadingTo(() => Promise.reject(unknown)).check(plain)).rejects.toThrow(
    'target.url: expected https: (http: is for this machine only), got "http://later.example.com"',
  );
  const inside = leadingTo(async () => [{ address: '10.0.0.1', family: 4 }]);
  await expect(inside.check(given)).rejects.toThrow('target.url: expected a host name that has only public addresses');
});

describe('ARNs', () => {
  test('a function may have a version or an alias', () => {
    const arn = 'arn:aws:lambda:eu-central-1:123456789012:function:bill';
    expect(parseFunctionArn(arn)).toEqual({
      partition: 'aws',
      region: 'eu-central-1',
      account: '123456789012',
      name: 'bill',
    });
    expect(parseFunctionArn(`${arn}:$LATEST`).name).toBe('bill:$LATEST');
    expect(parseFunctionArn(arn.replace('aws', 'aws-us-gov')).partition).toBe('aws-us-gov');
  });

  test.each([
    'bill',
    '',
    'arn:aws:lambda:eu-central-1:123456789012:function:',
    'arn:aws:lambda:eu-central-1:123456789012:function:a/../b',
    'arn:aws:lambda:eu-central-1:12345678901:function:a',
    'arn:aws:lambda:evil.com/:123456789012:function:a',
    'arn:aws:sqs:eu-central-1:123456789012:a',
    `arn:aws:lambda:eu-central-1:123456789012:function:${'a'.repeat(65)}`,
    'arn:aws:lambda:eu-central-1:123456789012:function:a\n',
  ])('%j is no function', (arn) =>
    expect(() => parseFunctionArn(arn)).toThrow('target.function: expected the ARN of a Lambda function'),
  );

  test.each([
    'arn:aws:sqs:eu-central-1:123456789012:letters.fifo',
    'https://sqs.eu-central-1.amazonaws.com/123456789012/letters',
  ])('%j is no standard queue', (arn) =>
    expect(() => parseQueueArn(arn)).toThrow('onFailure.queue: expected the ARN of a standard SQS queue'),
  );

  test('a pattern of the operator fits as a whole', () => {
    const fits = (arn: string, ...patterns: string[]) => {
      try {
        checkPatterns(arn, patterns, 'field');
        return true;
      } catch {
        return false;
      }
    };
    expect(fits('arn:f:shop-bill', 'arn:f:shop-*')).toBe(true);
    expect(fits('arn:f:shop-bill', 'arn:g:*', '*-bill')).toBe(true);
    expect(fits('arn:f:shop-bill', 'arn:*:shop-*-bill')).toBe(false);
    expect(fits('aba', 'ab*ba')).toBe(false);
    expect(fits('arn:f:x', 'arn:f:x', 'other')).toBe(true);
    expect(fits('arn:f:xy', 'arn:f:x')).toBe(false);
    expect(fits('arn:f:x')).toBe(false);
    expect(fits('a'.repeat(100_000), `${'a*'.repeat(500)}b`)).toBe(false);
  });
});
