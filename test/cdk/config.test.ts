import { describe, expect, test } from 'vitest';
import { configOf, configOfContext, options } from '../../cdk/config.ts';

describe('the options', () => {
  test('have defaults that are allowed', () => {
    for (const [name, { fallback, read }] of Object.entries(options))
      expect([name, read(fallback)]).toEqual([name, fallback]);
  });

  test('come from cdk.json as values and from the command line as text', () => {
    const fromJson = configOfContext({ 'rivulet:restoreDays': 35, 'rivulet:throwAway': true, 'aws:cdk:other': 1 });
    const fromLine = configOfContext({ 'rivulet:restoreDays': '35', 'rivulet:throwAway': 'true' });
    expect(fromJson).toMatchObject({ restoreDays: 35, throwAway: true, name: 'Rivulet' });
    expect(fromLine).toEqual(fromJson);
  });

  test.each([
    ['restoreDays', 36, 'restoreDays: expected a whole number from 1 to 35, got 36'],
    ['restoreDays', '1.5', 'restoreDays: expected a whole number from 1 to 35, got "1.5"'],
    ['restoreDays', '-1', 'restoreDays: expected a whole number from 1 to 35, got "-1"'],
    ['throwAway', 'yes', 'throwAway: expected true or false, got "yes"'],
    ['throwAway', null, 'throwAway: expected true or false, got null'],
    ['name', 'my stack', 'name: expected a letter, then up to 29 letters and digits, got "my stack"'],
    ['watch', 'much', 'watch: expected one of off, small, full, got "much"'],
    ['logRetentionDays', 8, /^logRetentionDays: expected one of 1, 3, 5, 7, .*, got 8$/],
    ['existingBucket', 'Not/A/Bucket', 'existingBucket: expected the name of a bucket, got "Not/A/Bucket"'],
    [
      'corsOrigins',
      '*',
      'corsOrigins: expected up to 20 origins like `https://app.example.com`, separated by commas, got "*"',
    ],
    ['kafkaVpcRange', '10.0.0.0/8', /^kafkaVpcRange: expected a range of IPv4 addresses/],
    ['kafkaVpcRange', '10.0.0/16', /^kafkaVpcRange: expected a range/],
    ['kafkaClientRanges', '0.0.0.0/0', /^kafkaClientRanges: expected up to 20 ranges/],
    ['kafkaClientRanges', '10.256.0.0/16', /^kafkaClientRanges: expected up to 20 ranges/],
    ['kafkaClientRanges', '10.1.0.0/16, 10.2.0.0/16', /^kafkaClientRanges: expected up to 20 ranges/],
    ['corsOrigins', 'https://a.example/path', /^corsOrigins: expected up to 20 origins/],
    ['pushTargets', 'arn:aws:lambda:*:*:function:orders', /^pushTargets: expected up to 20 ARNs/],
    [
      'pushTargets',
      Array(20)
        .fill(`arn:aws:lambda:eu-west-1:123456789012:function:${'a'.repeat(110)}`)
        .join(),
      /^pushTargets: expected up to 20 ARNs .* 3,000 characters in all/,
    ],
    ['pushTargets', 'arn:aws:iam::123456789012:role/admin', /^pushTargets: expected up to 20 ARNs/],
    [
      'existingTableStream',
      'arn:aws:dynamodb:eu-west-1:123456789012:table/t',
      /^existingTableStream: expected the ARN/,
    ],
    ['alarmEmail', 'nobody', 'alarmEmail: expected an e-mail address, got "nobody"'],
  ])('%s refuses %j', (name, value, message) => {
    expect(() => configOf({ [name]: value })).toThrow(message);
  });

  test('are refused by name when they are unknown, and only below our prefix', () => {
    expect(() => configOfContext({ 'rivulet:throwaway': true })).toThrow(
      /^rivulet:throwaway: unknown option, expected one of name, /,
    );
    expect(() => configOf({ toString: 'x' })).toThrow(/^toString: unknown option/);
    expect(configOfContext({ throwaway: true })).toEqual(configOf({}));
  });

  test('are refused with a reason when they contradict each other', () => {
    expect(() => configOf({ existingTable: 'restored' })).toThrow(
      /^existingTableStream: expected the ARN of the stream of existingTable, .*, got none/,
    );
    expect(() => configOf({ watch: 'off', alarmEmail: 'operator@example.com' })).toThrow(
      /^alarmEmail: expected no address while watch is "off", .*, got "operator@example\.com"$/,
    );
  });
});
