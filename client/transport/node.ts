// Everything that the SDK takes from Node, in one file, so that a build for browsers has one file to replace: sockets, the
// lookup of host names, the call context of a handler, and the turns of the event loop.
import { lookup as systemLookup } from 'node:dns';
import type { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { createRequire } from 'node:module';
import type { LookupFunction, Socket } from 'node:net';
import { type Compression, writesZstd } from '../../lib/record/compression.ts';
import { isBelowLocalhost } from '../../lib/runtime/loopback.ts';

export { AsyncLocalStorage } from 'node:async_hooks';
export type { IncomingMessage } from 'node:http';
export type { Socket } from 'node:net';
export { setImmediate as nextTurn } from 'node:timers/promises';

// An `import` of node:http asks for all that it exports, and so also loads fetch and WebSocket, which takes longer than the
// rest of the client. TLS, which takes most of the time of an import, is loaded only
// for an address that needs it.
const require = createRequire(import.meta.url);
type Http = Pick<typeof import('node:http'), 'Agent' | 'request'>;
const httpFor = (protocol: string): Http => require(protocol === 'https:' ? 'node:https' : 'node:http');

/** Node's own lookup, except for the names below localhost, which not every system's resolver knows. */
export const lookup: LookupFunction = (hostname, options, callback) =>
  systemLookup(isBelowLocalhost(hostname) ? 'localhost' : hostname, options, callback);

/** The codecs that a producer can write. All can be read. */
export const writtenCodecs: readonly Compression[] = [
  'none',
  'gzip',
  'snappy',
  'lz4',
  ...(writesZstd ? ['zstd' as const] : []),
];

/** Calls the function when the event loop has had a turn. */
export const soon: (work: () => void) => void = setImmediate;

/** A timer that alone does not keep the process alive. */
export const unref = (timer: NodeJS.Timeout): NodeJS.Timeout => timer.unref();

/** Node's option `onread`: where a socket puts the bytes that it reads, and who takes them from there. */
export type OnRead = {
  readonly buffer: () => Uint8Array;
  readonly callback: (bytes: number, memory: Uint8Array) => boolean;
};

/** Makes a socket by `make`, with an `onread` of its own. */
type Opening = (make: (onread: OnRead) => Socket) => Socket;

function withOpening(agent: HttpAgent, opening: Opening): HttpAgent {
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (options, made) =>
    opening((onread) => connect(Object.assign(options, { onread }), made) as Socket);
  return agent;
}

type Sockets = {
  readonly agent: HttpAgent;
  readonly request: typeof httpRequest;
  readonly dropIdle: () => void;
};

/** Returns the `request` of node:http(s), the agent that keeps its sockets alive, and what closes those that are not in use. */
export function openSockets({ protocol }: URL, opening: Opening): Sockets {
  const options = { keepAlive: true, lookup };
  const { Agent, request } = httpFor(protocol);
  const agent = withOpening(new Agent(options), opening);
  const dropIdle = () => {
    for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy();
  };
  return { agent, request, dropIdle };
}
