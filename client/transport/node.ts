// Everything that the SDK takes from Node, in one file, so that a build for browsers has one file to replace: sockets, the
// lookup of host names, the call context of a handler, and the turns of the event loop.
import { lookup as systemLookup } from 'node:dns';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { LookupFunction, Socket } from 'node:net';
import { isBelowLocalhost } from '../../lib/runtime/loopback.ts';

export { AsyncLocalStorage } from 'node:async_hooks';
export type { IncomingMessage } from 'node:http';
export type { Socket } from 'node:net';
export { setImmediate as nextTurn } from 'node:timers/promises';

/** Node's own lookup, except for the names below localhost, which not every system's resolver knows. */
export const lookup: LookupFunction = (hostname, options, callback) =>
  systemLookup(isBelowLocalhost(hostname) ? 'localhost' : hostname, options, callback);

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

/** Returns the `request` of node:http(s) and the agent that keeps its sockets alive. */
export function openSockets({ protocol }: URL, opening: Opening) {
  const options = { keepAlive: true, lookup };
  return protocol === 'https:'
    ? { agent: withOpening(new HttpsAgent(options), opening), request: httpsRequest }
    : { agent: withOpening(new HttpAgent(options), opening), request: httpRequest };
}
