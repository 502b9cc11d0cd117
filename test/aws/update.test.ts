// The life of a deployment: it gets new code and changed options while a producer writes. Then it is removed, and a new one
// is made over the data that stayed.
import { CloudFormationClient, UpdateTerminationProtectionCommand } from '@aws-sdk/client-cloudformation';
import { beforeAll, expect, test } from 'vitest';
import { adminRoutes } from '../../cdk/access.ts';
import { Rivulet } from '../../client/rivulet.ts';
import { clientOptions } from '../../tools/emulator/endpoint.ts';
import { type AccessKey, createUser, policyFor } from '../../tools/emulator/identities.ts';
import { sendSigned } from '../../tools/emulator/signed-request.ts';
import { freshName } from '../conformance/target.ts';
import { type Deployment, deployOther, destroyOther, streamOf } from './deployment.ts';
import { onEmulator } from './resources.ts';

const topic = 'lasting';
const partitions = 3;

await onEmulator((aws) => {
  const first = { name: 'Update', options: { watch: 'off' } };
  const second = {
    name: 'Update',
    options: { watch: 'off', fetchMemoryMiB: '512', logRetentionDays: '7' },
    faulty: true,
  };
  let deployed: Deployment;
  let operator: AccessKey;
  const written: string[] = [];

  const newOperator = ({ endpoint, url }: Deployment) =>
    createUser(endpoint, freshName(), policyFor(endpoint, url, adminRoutes));

  beforeAll(async () => {
    deployed = await deployOther(aws, first);
    operator = await newOperator(deployed);
    const rivulet = new Rivulet({ url: deployed.url, credentials: operator });
    await rivulet.admin().createTopics({ topics: [{ topic, partitions }] });
  });

  /** The values of each partition, in the order of their offsets. */
  async function readAll(url: string, credentials: AccessKey): Promise<string[][]> {
    const rivulet = new Rivulet({ url, credentials });
    const ends = await rivulet.admin().fetchTopicOffsets(topic);
    const logs: string[][] = Array.from({ length: partitions }, () => []);
    let left = ends.reduce((sum, { latest }) => sum + latest, 0);
    const consumer = rivulet.consumer({ autoOffsetReset: 'earliest' });
    consumer.assign(ends.map(({ partition }) => ({ topic, partition, offset: 0 })));
    for await (const { partition, offset, value } of consumer) {
      expect(offset).toBe(logs[partition]!.length);
      logs[partition]!.push(String(value));
      if (--left === 0) break;
    }
    return logs;
  }

  /** Expects each written value once, and in each partition in the order in which they were sent. */
  function expectAll(logs: readonly string[][]): void {
    expect(logs.flat().sort()).toEqual([...written].sort());
    const numbers = (log: readonly string[]) => log.map(Number);
    for (const log of logs) expect(numbers(log)).toEqual(numbers(log).toSorted((a, b) => a - b));
  }

  /** Whether the deployed code is the one with faults. */
  async function knowsFaults(): Promise<boolean> {
    const headers = { 'rivulet-fault': 'table-throttled' };
    const reply = await sendSigned(deployed.url, operator, { method: 'GET', path: `/v1/topics/${topic}`, headers });
    return reply.status === 429;
  }

  test('new code and changed options fail no write that the retry does not absorb', { timeout: 180_000 }, async () => {
    expect(await knowsFaults()).toBe(false);
    let retries = 0;
    const rivulet = new Rivulet({ url: deployed.url, credentials: operator, onRetry: () => retries++ });
    const producer = rivulet.producer({ lingerMs: 0 });
    let isDeploying = true;
    const write = async (): Promise<void> => {
      for (let i = 0, after = 20; isDeploying || after-- > 0; i++) {
        const value = String(i);
        const [sent] = await producer.send({ topic, messages: [{ value, partition: i % partitions }] });
        expect(sent!.offset).toBe(Math.floor(i / partitions));
        written.push(value);
      }
    };
    const updated = deployOther(aws, second).finally(() => {
      isDeploying = false;
    });
    await Promise.all([write(), updated]);
    await producer.disconnect();
    expect(await updated).toEqual(deployed);
    expect(await knowsFaults()).toBe(true);
    console.log(`${written.length} sends during the update, ${retries} retries`);
    // Twenty of them came after the update.
    expect(written.length).toBeGreaterThan(20);
    expectAll(await readAll(deployed.url, operator));
  });

  test('the data survives a removal, and a new deployment that gets its names serves it', {
    timeout: 180_000,
  }, async () => {
    await expect(destroyOther(aws, first)).rejects.toThrow('UpdateData');
    await expect(readAll(deployed.url, operator)).rejects.toThrow();
    await withoutProtection('UpdateData');
    await destroyOther(aws, first);
    const { bucket: existingBucket, table: existingTable } = deployed;
    const existingTableStream = await streamOf(aws.endpoint, existingTable);
    const options = { watch: 'off', existingBucket, existingTable, existingTableStream };
    const other = await deployOther(aws, { name: 'Adopted', options });
    const theirs = await newOperator(other);
    expectAll(await readAll(other.url, theirs));
    const producer = new Rivulet({ url: other.url, credentials: theirs }).producer();
    const value = String(written.length);
    await producer.send({ topic, messages: [{ value, partition: 0 }] });
    await producer.disconnect();
    written.push(value);
    expectAll(await readAll(other.url, theirs));
  });

  async function withoutProtection(StackName: string): Promise<void> {
    const client = new CloudFormationClient(clientOptions(aws.endpoint));
    await client.send(new UpdateTerminationProtectionCommand({ StackName, EnableTerminationProtection: false }));
    client.destroy();
  }
});
