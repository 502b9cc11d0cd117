// The stories of the embedded backend, against the deployed stacks: the demo, the quickstart and the command line. Each runs
// in a process of its own that knows a URL, a key and a certificate, like a person who has just deployed.
import { join } from 'node:path';
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { beforeAll, expect, test } from 'vitest';
import { adminRoutes } from '../../cdk/access.ts';
import { Rivulet } from '../../client/rivulet.ts';
import { clientOptions } from '../../tools/emulator/endpoint.ts';
import { createUser, policyFor } from '../../tools/emulator/identities.ts';
import { run, start } from '../cli/processes.ts';
import { freshName } from '../conformance/target.ts';
import { onDeployment } from './resources.ts';

const examples = join(import.meta.dirname, '../../examples');

await onDeployment(({ endpoint, url, table }) => {
  let environment: Record<string, string>;
  let operator: Awaited<ReturnType<typeof createUser>>;
  beforeAll(async () => {
    operator = await createUser(endpoint, freshName(), policyFor(endpoint, url, adminRoutes));
    environment = {
      RIVULET_URL: url,
      AWS_ACCESS_KEY_ID: operator.accessKeyId,
      AWS_SECRET_ACCESS_KEY: operator.secretAccessKey,
      NODE_EXTRA_CA_CERTS: endpoint.certificateFile!,
    };
  });

  test('the demo proves its claims through functions that run', { timeout: 600_000 }, async () => {
    const { code, stdout, stderr } = await start(join(examples, 'demo.ts'), [], environment).finished;
    expect(stderr).toBe('');
    expect(stdout).toContain(`listening on ${url}`);
    expect(stdout).toContain('true   every flight came back: 20000 written, 20000 read');
    expect(stdout.match(/^ {2}true {3}/gm)).toHaveLength(4);
    expect(stdout).not.toContain('FALSE');
    expect(code).toBe(0);
  });

  test('the quickstart prints what it writes and reads', async () => {
    const { code, stdout, stderr } = await start(join(examples, 'quickstart.ts'), [], environment).finished;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.match(/^written: partition \d, offset \d$/gm)).toHaveLength(3);
    expect(stdout.match(/^read: .*/gm)).toHaveLength(3);
  });

  test('the command line makes, writes, reads and deletes', async () => {
    const topic = freshName();
    const rivulet = (args: string, input = '') => run(args.split(' '), { environment, input });
    expect(await rivulet(`topics create ${topic} --partitions 2`)).toMatchObject({ code: 0 });
    expect(await rivulet(`produce ${topic}`, 'one\ntwo\n')).toMatchObject({ code: 0 });
    const { stdout } = await rivulet(`consume ${topic} --from-beginning --max-messages 2`);
    expect(stdout.trim().split('\n').sort()).toEqual(['one', 'two']);
    expect(await rivulet(`topics delete ${topic}`)).toMatchObject({ code: 0 });
    expect(await rivulet(`topics describe ${topic}`)).toMatchObject({ code: 1 });
  });

  test('a group reads, continues where it was, is described, reset and deleted', async () => {
    const [topic, group] = [freshName(), freshName()];
    const rivulet = async (args: string, input = '') => {
      const { code, stdout, stderr } = await run(args.split(' '), { environment, input });
      expect({ args, code, stderr: code === 0 ? '' : stderr }).toEqual({ args, code: 0, stderr: '' });
      return stdout;
    };
    const consume = async (count: number) =>
      (await rivulet(`consume ${topic} --group ${group} --from-beginning --max-messages ${count}`)).trim().split('\n');
    await rivulet(`topics create ${topic} --partitions 2`);
    await rivulet(`produce ${topic}`, 'one\ntwo\nthree\n');
    expect((await consume(3)).sort()).toEqual(['one', 'three', 'two']);
    await rivulet(`produce ${topic}`, 'four\n');
    expect(await consume(1)).toEqual(['four']);
    const described = JSON.parse(await rivulet(`groups describe ${group} --json`));
    expect(described).toMatchObject({ groupId: group, state: 'Empty', members: 0 });
    const lags = (described.partitionDetails as { lag: number }[]).map(({ lag }) => lag);
    expect(lags.every((lag) => lag <= 0)).toBe(true);
    await rivulet(`groups reset-offsets ${group} --topic ${topic} --to-earliest --execute`);
    expect((await consume(4)).sort()).toEqual(['four', 'one', 'three', 'two']);
    await rivulet(`groups delete ${group}`);
    expect((await rivulet('groups list')).split('\n')).not.toContain(group);
  });

  test('maintenance merges, expires and sweeps through functions that run', { timeout: 120_000 }, async () => {
    const topic = freshName();
    const rivulet = async (args: string, input = '') => {
      const { code, stdout, stderr } = await run(args.split(' '), { environment, input });
      expect({ args, code, stderr: code === 0 ? '' : stderr }).toEqual({ args, code: 0, stderr: '' });
      return stdout;
    };
    await beginLongAgo();
    await rivulet(`topics create ${topic}`);
    const values = Array.from({ length: 60 }, (_, i) => `v${i}`);
    const producer = new Rivulet({ url, credentials: operator }).producer({ lingerMs: 0 });
    for (const value of values) await producer.send({ topic, messages: [{ value }] });
    await producer.disconnect();
    const report = JSON.parse(await rivulet(`maintain --topic ${topic} --full --json`));
    expect(report).toMatchObject({ partitions: 1, damaged: 0, notes: [], counts: { writtenObjects: 1 } });
    const read = await rivulet(`consume ${topic} --from-beginning --max-messages 60`);
    expect(read.trim().split('\n')).toEqual(values);
    // Another function ends a pass over all topics: only that one may delete objects.
    expect(JSON.parse(await rivulet('maintain --dry-run --json'))).toMatchObject({ missingObjects: 0 });
    await rivulet(`topics delete ${topic}`);
  });

  /** Merging begins an hour after the first pass, because functions of an older version may still run until then. */
  async function beginLongAgo(): Promise<void> {
    const dynamoDb = new DynamoDBClient(clientOptions(endpoint));
    await dynamoDb.send(
      new PutItemCommand({
        TableName: table,
        Item: { pk: { S: 'maintenance' }, sk: { S: 'begun' }, v: { N: '1' }, at: { N: '1' } },
      }),
    );
    dynamoDb.destroy();
  }

  test('a command without rights says so and ends with 1', async () => {
    const withoutRights = { ...environment, AWS_SECRET_ACCESS_KEY: 'wrong' };
    const { code, stderr } = await run(['topics', 'list'], { environment: withoutRights });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('FORBIDDEN') });
  });
});
