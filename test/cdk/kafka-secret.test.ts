import { describe, expect, test } from 'vitest';
import { securityArguments } from '../../cdk/kafka-secret.ts';
import { program } from '../../cli/program.ts';

describe('the secret of the Kafka gateway', () => {
  test('becomes files and the options that name them', () => {
    const users = { version: 1, users: [] };
    const secret = JSON.stringify({ 'tls-cert': 'CERT', users, 'sts-cluster': 'orders' });
    const { arguments: given, files } = securityArguments(secret, '/files');
    expect(given).toEqual([
      '--kafka-tls-cert',
      '/files/tls-cert',
      '--kafka-users',
      '/files/users',
      '--kafka-sts-cluster',
      'orders',
    ]);
    expect([...files]).toEqual([
      ['/files/tls-cert', 'CERT'],
      ['/files/users', JSON.stringify(users)],
    ]);
  });

  test('has a member for every option of security', () => {
    const kafka = program().commands.find((one) => one.name() === 'kafka')!;
    const options = kafka.options.map(({ long }) => long!).filter((flag) => flag.startsWith('--kafka-'));
    const all = Object.fromEntries(options.map((flag) => [flag.slice('--kafka-'.length), 'x']));
    const given = securityArguments(JSON.stringify(all), '/files').arguments.filter((word) => word.startsWith('--'));
    expect(given.sort()).toEqual(options.sort());
  });

  test.each([
    ['not JSON: hunter2', 'secret: expected a JSON object'],
    ['["hunter2"]', 'secret: expected a JSON object'],
    ['{"password":"hunter2"}', /^secret: expected members of .*, got password$/],
    ['{"sts-cluster":2}', 'secret: sts-cluster: expected text'],
  ])('%s is refused, and is not repeated', (secret, reason) => {
    const open = () => securityArguments(secret, '/files');
    expect(open).toThrow(reason);
    expect(open).not.toThrow('hunter2');
  });
});
