// The optional stack of the Kafka gateway. The emulator deploys it and resolves its references, but runs no container without
// Docker. So the test runs what the deployed task definition says, for each task of the service: its command with its environment,
// and the credentials of its role from a server that stands for ECS. The client's sockets stand for the load balancer.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundleKafkaGateway } from '../../cdk/bundle-functions.ts';
import { withUser } from '../../kafka/auth/sasl/users.ts';
import { clientOptions } from '../../tools/emulator/endpoint.ts';
import { sendSigned } from '../../tools/emulator/signed-request.ts';
import { follow, newDirectory, type Running } from '../cli/processes.ts';
import { eventually } from '../eventually.ts';
import { newRoot } from '../kafka/auth/certificates.ts';
import { deployOther } from './deployment.ts';
import { onEmulator } from './resources.ts';

const name = 'Gateway';
const ecs = 'AmazonEC2ContainerServiceV20141113';
const user = { username: 'ada', password: 'a secret' };
const rules = [{ principals: ['ada'], operations: ['ALL'], topics: ['orders'], groups: ['billing'] }];

type Container = {
  readonly entryPoint: readonly string[];
  readonly command: readonly string[];
  readonly environment: readonly { readonly name: string; readonly value: string }[];
  readonly portMappings: readonly { readonly containerPort: number }[];
  readonly readonlyRootFilesystem: boolean;
  readonly stopTimeout: number;
};

/** A task has its own network address and its own memory in AWS. Here it gets free ports and a directory. */
type Task = Running & { readonly portOf: ReadonlyMap<number, number> };

await onEmulator((aws) => {
  const { endpoint, certificate, bundles } = aws;
  const tasks: Task[] = [];
  let container: Container;
  let healthPort: number;
  let ca: string;
  let roleServer: Server;

  async function ask(service: string, target: string, body: object) {
    const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': target };
    const request = { method: 'POST', path: '/', headers, body: JSON.stringify(body) };
    const reply = await sendSigned(endpoint.url, endpoint.credentials, request, { service });
    if (reply.status !== 200) throw new Error(`${target} answered ${reply.status}: ${reply.body}`);
    return JSON.parse(reply.body.toString());
  }

  async function createSecret(): Promise<string> {
    const root = await newRoot();
    const { cert, key } = await root.sign('CN=localhost');
    ca = root.cert;
    const users = await withUser(undefined, user.username, user.password);
    const members = { 'tls-cert': cert, 'tls-key': key, users, rules: { version: 1, rules } };
    const { ARN } = await ask('secretsmanager', 'secretsmanager.CreateSecret', {
      ...{ Name: 'gateway', SecretString: JSON.stringify(members) },
    });
    return ARN;
  }

  /** ECS gives a task the credentials of its role at an address of the network. */
  async function serveRole(RoleArn: string): Promise<Server> {
    const sts = new STSClient(clientOptions(endpoint));
    const server = createServer(async (_, response) => {
      const { Credentials: session } = await sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'task' }));
      const { SessionToken: Token, ...others } = session!;
      response.end(JSON.stringify({ RoleArn, ...others, Token }));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return server;
  }

  /** The value that an option of the command has. */
  const optionOf = (option: string): string => container.command[container.command.indexOf(option) + 1]!;

  function startTask(): Running {
    const directory = newDirectory();
    const certificateFile = join(directory, 'emulator.pem');
    writeFileSync(certificateFile, certificate);
    const [program, ...args] = [...container.entryPoint, ...container.command];
    expect(program).toBe('node');
    const local = args.map((arg, i) => (['--port', '--health-port'].includes(args[i - 1]!) ? '0' : arg));
    const ofContainer = container.environment.map(({ name, value }) => [
      name,
      value === '/dev/shm' ? directory : value,
    ]);
    // Node refuses to write elsewhere, as the file system of the container does.
    const permissions = ['--permission', '--allow-fs-read=*', `--allow-fs-write=${directory}`].join(' ');
    const env = {
      ...Object.fromEntries(ofContainer),
      ...(container.readonlyRootFilesystem && { NODE_OPTIONS: permissions }),
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${(roleServer.address() as AddressInfo).port}/`,
      AWS_ENDPOINT_URL: endpoint.url,
      NODE_EXTRA_CA_CERTS: certificateFile,
    };
    return follow(spawn(process.execPath, local, { env, cwd: directory, stdio: 'pipe' }));
  }

  async function listeningTask(): Promise<Task> {
    const task = startTask();
    const [, listening] = await task.until(/Listens on (.*)\n/);
    const [, health] = await task.until(/Health port: 0\.0\.0\.0:(\d+)/);
    const first = Number(optionOf('--port'));
    const nodes = listening!.split(', ').map((address, i) => [first + i, Number(address.split(':')[1])] as const);
    return { ...task, portOf: new Map([...nodes, [healthPort, Number(health)]]) };
  }

  const isHealthy = ({ portOf }: Task): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect(portOf.get(healthPort)!, '127.0.0.1', () => resolve(true));
      socket.on('error', () => resolve(false)).on('connect', () => socket.destroy());
    });

  let turn = 0;
  const client = () =>
    new Kafka({
      brokers: optionOf('--advertise').split(','),
      ssl: { ca },
      sasl: { mechanism: 'scram-sha-512', ...user },
      logLevel: logLevel.NOTHING,
      retry: { retries: 30, initialRetryTime: 50, maxRetryTime: 500 },
      socketFactory: ({ host, port, ssl, onConnect }) =>
        connectTls({ ...ssl, servername: host, port: tasks[turn++ % tasks.length]!.portOf.get(port)! }, onConnect),
    });

  beforeAll(async () => {
    await bundleKafkaGateway(bundles.usual);
    const options = { kafkaGateway: 'true', kafkaSecretArn: await createSecret(), kafkaHostName: 'localhost' };
    await deployOther(aws, { name, options: { ...options, watch: 'off' } });
    const { clusterArns } = await ask('ecs', `${ecs}.ListClusters`, {});
    const [cluster] = clusterArns.filter((arn: string) => arn.includes(`/${name}`));
    const { serviceArns: services } = await ask('ecs', `${ecs}.ListServices`, { cluster });
    const { services: described } = await ask('ecs', `${ecs}.DescribeServices`, { cluster, services });
    const [{ taskDefinition: arn, desiredCount }] = described;
    const { taskDefinition } = await ask('ecs', `${ecs}.DescribeTaskDefinition`, { taskDefinition: arn });
    [container] = taskDefinition.containerDefinitions;
    healthPort = Number(optionOf('--health-port'));
    roleServer = await serveRole(taskDefinition.taskRoleArn);
    for (let i = 0; i < desiredCount; i++) tasks.push(await listeningTask());
  });

  afterAll(() => roleServer.close());

  test('a task listens on the ports of its container, and is healthy', async () => {
    expect(tasks).toHaveLength(2);
    const ports = container.portMappings.map(({ containerPort }) => containerPort);
    for (const task of tasks) {
      expect([...task.portOf.keys()]).toEqual(ports);
      expect(await isHealthy(task)).toBe(true);
    }
  });

  test('KafkaJS writes and reads through the load balancer, and a task that ECS stops leaves without loss', async () => {
    const admin = client().admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: 'orders', numPartitions: 3 }] });
    const consumer = client().consumer({ groupId: 'billing' });
    await consumer.connect();
    await consumer.subscribe({ topic: 'orders', fromBeginning: true });
    const read: string[] = [];
    await consumer.run({ eachMessage: async ({ message }) => void read.push(String(message.value)) });
    const options = { idempotent: true, maxInFlightRequests: 1, createPartitioner: Partitioners.DefaultPartitioner };
    const producer = client().producer(options);
    await producer.connect();
    const sent: string[] = [];
    const send = async () => {
      const value = `order ${sent.length}`;
      await producer.send({ topic: 'orders', messages: [{ key: value, value }] });
      sent.push(value);
    };
    await send();
    await eventually(() => expect(read).toEqual(sent));

    const leaving = tasks.shift()!;
    const stoppedMs = performance.now();
    leaving.child.kill('SIGTERM');
    let isOver = false;
    const finished = leaving.finished.finally(() => (isOver = true));
    await eventually(async () => expect(await isHealthy(leaving)).toBe(false));
    while (!isOver) await send();
    const { code, stdout, stderr } = await finished;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/Stopped\.\n$/);
    expect(performance.now() - stoppedMs).toBeLessThan(container.stopTimeout * 1_000);
    await send();
    await eventually(() => expect(new Set(read)).toEqual(new Set(sent)));
    await Promise.all([consumer, producer, admin].map((one) => one.disconnect()));
  });

  test('a task whose code is not that of the stack does not run it', async () => {
    const { environment } = container;
    const changed = environment.map((one) => (one.name === 'CODE_SHA256' ? { ...one, value: '0'.repeat(64) } : one));
    container = { ...container, environment: changed };
    const { code, stdout, stderr } = await startTask().finished;
    container = { ...container, environment };
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/the code of the gateway: expected the digest 0{64}, got [0-9a-f]{64}/);
  });
});
