// Two processes of `rivulet kafka` over one table and one bucket, behind a load balancer with a port for each node: they serve
// one group, one of them dies, and one is cut off from the table.
import { once } from 'node:events';
import { connect } from 'node:net';
import { type Consumer, Kafka, logLevel, Partitioners } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeBatch } from '../../lib/record/batch.ts';
import { main, type Running, start } from '../cli/processes.ts';
import { eventually } from '../eventually.ts';
import { batchOf, fetchMessage, fetchTopic, produceMessage } from '../kafka/service.ts';
import { key, openWire } from '../kafka/wire.ts';
import { parseScrape, seriesOf } from '../local/metrics/scrape.ts';
import { createTestBucket, createTestTable, onStorage } from './resources.ts';
import { startProxy, type TcpProxy } from './tcp-proxy.ts';

const nodes = 2;

function decodedBatches(records: Uint8Array): { readonly values: string[]; readonly end: number | undefined } {
  const values: string[] = [];
  let end: number | undefined;
  for (let at = 0; at < records.length; ) {
    const { header, records: decoded } = decodeBatch(records, at);
    values.push(...decoded.map(({ value }) => new TextDecoder().decode(value!)));
    at += header.sizeBytes;
    end = header.baseOffset + header.lastOffsetDelta + 1;
  }
  return { values, end };
}

/** Resolves if something takes connections there. */
async function knock(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.destroy();
}

type Replica = Running & {
  readonly ports: readonly number[];
  readonly healthPort: number;
  readonly metricsUrl: string;
};

await onStorage((connection) => {
  let names: { readonly table: string; readonly bucket: string };
  /** The load balancer: a listener for each node. */
  let balancer: TcpProxy[];
  /** Between one replica and the table. */
  let wire: TcpProxy;
  const replicas: Replica[] = [];

  const environment = (dynamoDbUrl: string) => ({
    AWS_ENDPOINT_URL_S3: connection.endpoint!,
    AWS_ENDPOINT_URL_DYNAMODB: dynamoDbUrl,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });

  async function startReplica(dynamoDbUrl = String(connection.dynamoDb!.endpoint)): Promise<Replica> {
    const advertised = balancer.map(({ port }) => `127.0.0.1:${port}`).join(',');
    const { table, bucket } = names;
    const place = ['--table', table, '--bucket', bucket, '--region', 'us-east-1'];
    const free = ['--port', '0', '--health-port', '0', '--metrics-port', '0'];
    const how = [...free, '--advertise', advertised, '--drain-seconds', '1'];
    const process = start(main, ['kafka', ...place, ...how], environment(dynamoDbUrl));
    const [, listening] = await process.until(/Listens on (.*)\n/);
    const [, healthPort] = await process.until(/Health port: 127\.0\.0\.1:(\d+)/);
    const ports = listening!.split(', ').map((address) => Number(address.split(':')[1]));
    const [, metricsUrl] = await process.until(/Prometheus finds metrics at (http:\S+)/);
    const replica = { ...process, ports, healthPort: Number(healthPort), metricsUrl: metricsUrl! };
    replicas.push(replica);
    balance();
    return replica;
  }

  /** A node's listener sends connections to that node's port of each replica. */
  function balance(): void {
    for (const [i, proxy] of balancer.entries()) proxy.targets = replicas.map(({ ports }) => ports[i]!);
  }

  const client = () =>
    new Kafka({
      brokers: balancer.map(({ port }) => `127.0.0.1:${port}`),
      logLevel: logLevel.NOTHING,
      retry: { retries: 30, initialRetryTime: 50, maxRetryTime: 500 },
    });

  beforeAll(async () => {
    names = { table: await createTestTable(connection), bucket: await createTestBucket(connection) };
    balancer = await Promise.all(Array.from({ length: nodes }, () => startProxy([])));
    wire = await startProxy([Number(new URL(String(connection.dynamoDb!.endpoint)).port)]);
    await Promise.all([startReplica(), startReplica()]);
  });

  afterAll(() => {
    for (const proxy of [...balancer, wire]) proxy.close();
  });

  test('both say the same of cluster, nodes, leaders and coordinators', async () => {
    const told = await Promise.all(
      replicas.map(async ({ ports }) => {
        const to = await openWire(ports[0]!);
        const topics = [{ name: 'orders', topicId: 'A'.repeat(22) }];
        const { clusterId, brokers, controllerId } = await to.ask(key.metadata, 9, { topics: null });
        const found = await to.ask(key.findCoordinator, 4, { keyType: 0, coordinatorKeys: ['a', 'b', 'c', 'd', 'e'] });
        const described = await to.ask(key.metadata, 9, { topics, allowAutoTopicCreation: true });
        to.close();
        return { clusterId, brokers, controllerId, found, topics: described.topics };
      }),
    );
    expect(told[0]).toEqual(told[1]);
    const { brokers, found, clusterId } = told[0]!;
    expect(clusterId).toMatch(/^[\w-]{22}$/);
    expect(brokers.map(({ port }: { port: number }) => port)).toEqual(balancer.map(({ port }) => port));
    expect(new Set(found.coordinators.map(({ nodeId }: { nodeId: number }) => nodeId)).size).toBe(nodes);
  });

  test('Prometheus finds topics, lag and the cost of storage at one replica, and the other can leave the topics out', async () => {
    const topic = 'scraped';
    const admin = client().admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic, numPartitions: 2 }] });
    const producer = client().producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    await producer.send({ topic, messages: ['a', 'b', 'c'].map((value) => ({ value, partition: 1 })) });
    await admin.setOffsets({ groupId: 'readers', topic, partitions: [{ partition: 1, offset: '1' }] });
    await Promise.all([producer.disconnect(), admin.disconnect()]);
    const scrape = async (url: string) => parseScrape(await (await fetch(url)).text());
    const [first, second] = await Promise.all([
      scrape(replicas[0]!.metricsUrl),
      scrape(`${replicas[1]!.metricsUrl}/process`),
    ]);
    const ofTopic = (name: string, rest = '') =>
      seriesOf(first, name)[`${rest && 'consumergroup="readers",'}partition="1",topic="${topic}"`];
    expect(ofTopic('kafka_topic_partition_current_offset')).toBe(3);
    expect(ofTopic('kafka_consumergroup_lag', 'group')).toBe(2);
    expect(seriesOf(first, 'kafka_brokers')).toEqual({ '': nodes });
    expect(seriesOf(second, 'kafka_topic_partition_current_offset')).toEqual({});
    // The connections of the client went to either replica.
    const sum = (name: string) =>
      [first, second].flatMap((one) => Object.values(seriesOf(one, name))).reduce((all, value) => all + value, 0);
    expect(sum('rivulet_topic_records_in_total')).toBe(3);
    expect(sum('rivulet_s3_requests_total')).toBeGreaterThan(0);
    expect(sum('rivulet_dynamodb_units_total')).toBeGreaterThan(0);
    expect(sum('rivulet_storage_cost_usd_total')).toBeGreaterThan(0);
    expect(sum('rivulet_kafka_requests_total')).toBeGreaterThan(0);
  });

  test('a replica is killed under load: nothing is lost, and idempotent producers write nothing twice', async () => {
    const topic = 'killed';
    const admin = client().admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic, numPartitions: 4 }] });
    const read = new Set<string>();
    const consumers: Consumer[] = [];
    for (let i = 0; i < 2; i++) {
      const consumer = client().consumer({ groupId: 'workers', sessionTimeout: 10_000, heartbeatInterval: 200 });
      await consumer.connect();
      await consumer.subscribe({ topic, fromBeginning: true });
      await consumer.run({ eachMessage: async ({ message }) => void read.add(String(message.value)) });
      consumers.push(consumer);
    }
    const acknowledged: string[] = [];
    let isOver = false;
    const produce = async (name: number) => {
      const options = { idempotent: true, maxInFlightRequests: 1, createPartitioner: Partitioners.DefaultPartitioner };
      const producer = client().producer(options);
      await producer.connect();
      for (let i = 0; !isOver; i++) {
        const values = [0, 1, 2].map((n) => `${name}-${i}-${n}`);
        await producer.send({ topic, messages: values.map((value) => ({ key: value, value })) });
        acknowledged.push(...values);
      }
      await producer.disconnect();
    };
    const producing = [produce(1), produce(2), produce(3)];
    await eventually(() => expect(acknowledged.length).toBeGreaterThan(30));
    const [victim] = replicas.splice(0, 1);
    victim!.child.kill('SIGKILL');
    const before = acknowledged.length;
    await eventually(() => expect(acknowledged.length).toBeGreaterThan(before + 30));
    isOver = true;
    await Promise.all(producing);
    await eventually(() => expect(acknowledged.filter((value) => !read.has(value))).toEqual([]));
    await Promise.all(consumers.map((consumer) => consumer.disconnect()));
    await admin.disconnect();
    balance();
    const written = await valuesOf(replicas[0]!, topic, 4);
    expect(written.length).toBe(new Set(written).size);
    expect(acknowledged.filter((value) => !written.includes(value))).toEqual([]);
  });

  /** Every value in the log, read strongly from its beginning. */
  async function valuesOf({ ports }: Replica, topic: string, partitions: number): Promise<string[]> {
    const to = await openWire(ports[0]!);
    const values: string[] = [];
    for (let partition = 0; partition < partitions; partition++) {
      for (let offset = 0, end = 1; offset < end; ) {
        const targets = fetchTopic({ topic, topicId: '' }, { partition, offset, maxBytes: 10_000_000 });
        const { responses } = await to.ask(key.fetch, 12, fetchMessage([targets], { maxBytes: 10_000_000 }));
        const [{ records, highWatermark }] = responses[0].partitions;
        end = highWatermark;
        const found = decodedBatches(records);
        values.push(...found.values);
        offset = found.end ?? end;
      }
    }
    to.close();
    return values;
  }

  test('a replica that is cut off from the table answers with errors that clients retry, and recovers', async () => {
    const replica = await startReplica(`http://127.0.0.1:${wire.port}`);
    const to = await openWire(replica.ports[0]!);
    const topic = 'cut-off';
    await to.ask(key.metadata, 9, { topics: [{ name: topic }], allowAutoTopicCreation: true });
    const produced = async () => {
      const { responses } = await to.ask(key.produce, 9, produceMessage(topic, { 0: batchOf(['a']) }));
      return responses[0].partitionResponses[0].errorCode as number;
    };
    const fetched = async () => {
      const { responses } = await to.ask(
        key.fetch,
        12,
        fetchMessage([fetchTopic({ topic, topicId: '' })], { maxWaitMs: 100 }),
      );
      return responses[0].partitions[0].errorCode as number;
    };
    const heartbeat = async () =>
      (await to.ask(key.heartbeat, 4, { groupId: 'g', generationId: 1, memberId: 'm' })).errorCode as number;
    expect([await produced(), await fetched()]).toEqual([0, 0]);
    wire.cut();
    // 7 after a try that may have reached the table, 19 after none has; 56 and 15 for reads and for members of groups.
    expect([7, 19]).toContain(await produced());
    expect([await fetched(), await heartbeat()]).toEqual([56, 15]);
    wire.mend();
    expect([await produced(), await fetched(), await heartbeat()]).toEqual([0, 0, 25]);
    to.close();
    replicas.splice(replicas.indexOf(replica), 1);
    replica.child.kill('SIGTERM');
    const { code, stderr } = await replica.finished;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('it drains on SIGTERM: the health port shuts, a waiting fetch is answered empty, and connections end', async () => {
    const replica = await startReplica();
    const [to, other] = [await openWire(replica.ports[0]!), await openWire(replica.ports[1]!)];
    await knock(replica.healthPort);
    const topic = { topic: 'drained', topicId: '' };
    await to.ask(key.metadata, 9, { topics: [{ name: topic.topic }], allowAutoTopicCreation: true });
    const waiting = other.ask(key.fetch, 12, fetchMessage([fetchTopic(topic)], { maxWaitMs: 20_000 }));
    await new Promise((resolve) => setTimeout(resolve, 200));
    replicas.splice(replicas.indexOf(replica), 1);
    replica.child.kill('SIGTERM');
    expect((await waiting).responses[0].partitions).toMatchObject([{ errorCode: 0 }]);
    await Promise.all([to.closed, other.closed, replica.finished]);
    expect(await replica.finished).toMatchObject({ code: 0, stderr: '' });
    await expect(knock(replica.healthPort)).rejects.toThrow('ECONNREFUSED');
  });

  test.each([
    [
      'a bucket that does not exist',
      () => ({ bucket: 'no-such-bucket-of-ours' }),
      /bucket: expected one that exists, got no-such/,
    ],
    [
      'a table that does not exist',
      () => ({ table: 'no-such-table' }),
      /table: expected one of the account and region/,
    ],
    ['an address that others reach', () => ({ host: '0.0.0.0' }), /others can reach it, so it needs TLS/],
  ])('it refuses %s', async (_, given, sentence) => {
    const { table, bucket, host } = { ...names, host: '127.0.0.1', ...given() };
    const args = ['--table', table, '--bucket', bucket, '--region', 'us-east-1', '--host', host, '--port', '0'];
    const { code, stderr } = await start(main, ['kafka', ...args], environment(String(connection.dynamoDb!.endpoint)))
      .finished;
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(sentence) });
  });
});
