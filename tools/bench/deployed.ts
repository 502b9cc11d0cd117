// Measures the deployed API: the time and the resources of a deployment to the emulator, the storage calls of each operation
// compared with the embedded backend, and the cost of a GiB written through the API. The emulator's speed says nothing about
// AWS, so only calls, units and sizes are taken from it.
import { CloudFormationClient, ListStackResourcesCommand } from '@aws-sdk/client-cloudformation';
import { adminRoutes } from '../../cdk/access.ts';
import { encodeProduceFrames } from '../../lib/record/frames.ts';
import { bootstrap, deploy } from '../emulator/cdk.ts';
import { type AwsEndpoint, clientOptions, trust } from '../emulator/endpoint.ts';
import { createUser, policyFor } from '../emulator/identities.ts';
import { defaultCache } from '../emulator/install.ts';
import { startMiniStack } from '../emulator/ministack.ts';
import { sendSigned } from '../emulator/signed-request.ts';
import { embeddedFunctions } from './embedded-functions.ts';
import { batchOf, produceRequest, type Receipt, receiptOf, receiptsOf, type Send } from './receipts.ts';
import { decimal, printTable, sizeName, whole } from './table.ts';

/** `requests` of each size are counted. They must be enough for the index pages to have their share of the cost. */
export async function benchDeployed(requests: number): Promise<void> {
  const emulator = await startMiniStack(defaultCache());
  try {
    trust(emulator.certificate);
    const url = await deployTimed(emulator.endpoint);
    const operator = await createUser(emulator.endpoint, 'bench', policyFor(emulator.endpoint, url, adminRoutes));
    const send: Send = (request) => sendSigned(url, operator, request);
    await printReceipts(send);
    await printPerGiB(send, requests);
  } finally {
    await emulator.stop();
  }
}

/** @returns the URL of the API. */
async function deployTimed(endpoint: AwsEndpoint): Promise<string> {
  const startedMs = performance.now();
  await bootstrap({ endpoint });
  const bootstrappedMs = performance.now();
  const outputs = await deploy({ endpoint });
  const deployedMs = performance.now();
  const stacks = ['RivuletData', 'RivuletService', 'RivuletWatch'];
  const resources = await Promise.all(stacks.map((stack) => countResources(endpoint, stack)));
  const seconds = (ms: number): string => decimal(ms / 1000, 1);
  printTable(
    'A deployment to the emulator',
    ['stack', 'resources'],
    stacks.map((stack, at) => [stack, resources[at]!]),
  );
  console.log(
    `cdk bootstrap ${seconds(bootstrappedMs - startedMs)} s, cdk deploy ${seconds(deployedMs - bootstrappedMs)} s`,
  );
  return outputs.RivuletService!.Url!;
}

async function countResources(endpoint: AwsEndpoint, StackName: string): Promise<number> {
  const client = new CloudFormationClient(clientOptions(endpoint));
  let count = 0;
  let NextToken: string | undefined;
  do {
    const page = await client.send(new ListStackResourcesCommand({ StackName, ...(NextToken && { NextToken }) }));
    count += page.StackResourceSummaries?.length ?? 0;
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  client.destroy();
  return count;
}

const columns = ['s3-put', 's3-get', 'dynamodb-read-units', 'dynamodb-write-units'];

async function printReceipts(send: Send): Promise<void> {
  const deployed = await receiptsOf(send, 'receipts');
  const embedded = await receiptsOf(embeddedFunctions(), 'receipts');
  printTable(
    'The storage calls of an operation, by its receipt',
    ['', 'PUT', 'GET', 'read units', 'write units', '$ a million', 'embedded backend'],
    [...deployed].map(([operation, receipt]) => {
      const same = JSON.stringify(receipt) === JSON.stringify(embedded.get(operation));
      const usd = decimal(receipt.usd! * 1e6, 2);
      return [operation, ...columns.map((column) => receipt[column]!), usd, same ? 'the same' : 'DIFFERS'];
    }),
  );
}

/** List prices in us-east-1, November 2026. The gateway counts each begun 512 KB of a request. */
const gatewayUsd = 1e-6;
const gatewayBytes = 512 * 1024;
const invocationUsd = 0.2e-6;
const gigabyteSecondUsd = 13.3334e-6;
/**
 * These are assumptions, not measurements: 512 MiB; 100 ms for a PUT of S3 (median 60 to 70), an update of DynamoDB (8) and
 * the code around them; and 30 ms more for each MiB.
 */
const gigabytes = 0.5;
const secondsOf = (bytes: number): number => 0.1 + (0.03 * bytes) / 2 ** 20;

async function printPerGiB(send: Send, requests: number): Promise<void> {
  const rows = [];
  for (const bytes of [16 * 1024, 256 * 1024, 2 ** 20]) rows.push(await perGiB(send, bytes, requests));
  printTable(
    `Dollars per GiB written through the API, by one steady producer, ${whole(requests)} requests counted`,
    ['request', 'PUT', 'write units', 'storage', 'gateway', 'invocations', 'function time*', 'in all', 'aim'],
    rows,
  );
  console.log(
    '* assumed: 512 MiB, 100 ms and 30 ms for each MiB. Logs (about $0.50 per million requests) are not included.',
  );
}

const aims: Readonly<Record<number, string>> = { 16384: '0.50', 262144: '0.032', 1048576: '0.010' };

async function perGiB(send: Send, bytes: number, requests: number): Promise<string[]> {
  const topic = `size-${bytes}`;
  const path = `/v1/topics/${topic}`;
  await send({ method: 'PUT', path, headers: { 'content-type': 'application/json' }, body: '{}' });
  const sums: Record<string, number> = {};
  for (let i = 0; i < requests; i++) {
    const receipt: Receipt = await receiptOf(send, produceRequest(path, bodyOf(bytes, i)));
    for (const [name, value] of Object.entries(receipt)) sums[name] = (sums[name] ?? 0) + value;
  }
  const each = (name: string): number => sums[name]! / requests;
  const perRequest = [
    each('usd'),
    gatewayUsd * Math.ceil(bytes / gatewayBytes),
    invocationUsd,
    gigabyteSecondUsd * gigabytes * secondsOf(bytes),
  ];
  const requestsPerGiB = 2 ** 30 / bytes;
  const dollars = [...perRequest, perRequest.reduce((sum, usd) => sum + usd, 0)].map((usd) => usd * requestsPerGiB);
  const units = [each('s3-put'), each('dynamodb-write-units')].map((value) => decimal(value, 3));
  return [sizeName(bytes), ...units, ...dollars.map((usd) => decimal(usd, 4)), aims[bytes]!];
}

const framing = 128;

/** A body of exactly so many bytes, or a few less. We do not count the request line and the headers. */
function bodyOf(bytes: number, baseSequence: number): Uint8Array {
  const batches = batchOf(bytes - framing, { producerId: 4_000_000_001, producerEpoch: 0, baseSequence });
  const body = encodeProduceFrames([{ partition: 0, batches }]);
  if (body.length > bytes) throw new Error(`the body has ${body.length} bytes, more than ${bytes}`);
  return body;
}
