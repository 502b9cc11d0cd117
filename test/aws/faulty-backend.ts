// A deployed service as the backend of a real world (test/sim/real/). Functions die in the middle of a request. The storage
// behind them throttles, does not answer, or loses its answers. Requests and replies are lost on the way to the gateway.
//
//   client -> [faulty] -> gate, which signs for the deployment -> API -> function with faults -> S3, DynamoDB
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { adminRoutes } from '../../cdk/access.ts';
import { type AccessKey, createUser, policyFor } from '../../tools/emulator/identities.ts';
import { sendSigned } from '../../tools/emulator/signed-request.ts';
import { freshName } from '../conformance/target.ts';
import { type FaultRate, type RealHome, startFaultyProxy } from '../sim/real/backend.ts';
import { pick } from '../sim/real/surroundings.ts';
import type { Deployment } from './deployment.ts';

const inFunctions = [
  'kill-before',
  'kill-during:5',
  'kill-during:30',
  'kill-after',
  'delay:200',
  'table-throttled:1',
  'table-throttled:4',
  'table-deaf:1',
  'table-silent:1',
  'store-throttled:1',
  'store-deaf:1',
  'store-silent:1',
];

export async function startFaultyHome({ endpoint, url }: Deployment): Promise<RealHome> {
  const operator = await createUser(endpoint, freshName(), policyFor(endpoint, url, adminRoutes));
  const faults = { share: 0, met: 0 };
  const doomed: (() => void)[] = [];
  const gate = await startGate(url, operator, () => {
    const meet = doomed.shift();
    meet?.();
    return meet ? 'kill-during:10' : faultOf(faults);
  });
  const proxy = await startFaultyProxy(gate.url, faults);
  return {
    urls: [gate.url, proxy.url],
    quietUrl: gate.url,
    faults,
    hasConflicts: true,
    /** Kills the function that takes the next request. */
    killOne: () => new Promise((met) => doomed.push(met)),
    async close() {
      await Promise.all([proxy.close(), gate.close()]);
    },
  };
}

function faultOf(faults: FaultRate): string | undefined {
  if (Math.random() >= faults.share) return undefined;
  faults.met++;
  return pick(inFunctions);
}

type Gate = { readonly url: string; close(): Promise<void> };

/** Takes requests with any signature and passes them on with the right one. It gives some of them a fault. */
async function startGate(url: string, key: AccessKey, faultOf: () => string | undefined): Promise<Gate> {
  const pass = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const fault = faultOf();
    const reply = await sendSigned(url, key, {
      method: message.method!,
      path: message.url!,
      headers: { ...ofClient(message), ...(fault !== undefined && { 'rivulet-fault': fault }) },
      body: await buffer(message),
    });
    response.writeHead(reply.status, reply.headers).end(reply.body);
  };
  const server = createServer((message, response) => {
    pass(message, response).catch(() => message.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** The headers that the operations read. */
function ofClient({ headers }: IncomingMessage): Record<string, string> {
  const names = ['content-type', 'accept', 'idempotency-key', 'rivulet-cost'];
  return Object.fromEntries(names.flatMap((name) => (headers[name] ? [[name, String(headers[name])]] : [])));
}
