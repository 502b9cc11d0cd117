// Everything that the SDK takes from Node, in one file, so that a build for browsers has one file to replace: sockets, the
// lookup of host names, and the call context of a handler.
import { lookup as systemLookup } from 'node:dns';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { LookupFunction, Socket } from 'node:net';
import { isBelowLocalhost } from '../../lib/runtime/loopback.ts';
import { keepingMemory } from './socket-memory.ts';

export { AsyncLocalStorage } from 'node:async_hooks';
export type { IncomingMessage } from 'node:http';
export type { Socket } from 'node:net';

/** Node's own lookup, except for the names below localhost, which not every system's resolver knows. */
export const lookup: LookupFunction = (hostname, options, callback) =>
  systemLookup(isBelowLocalhost(hostname) ? 'localhost' : hostname, options, callback);

class PlainAgent extends HttpAgent {
  override createConnection(...[options, made]: Parameters<HttpAgent['createConnection']>) {
    return keepingMemory((onread) => super.createConnection(Object.assign(options, { onread }), made) as Socket);
  }
}

class SecureAgent extends HttpsAgent {
  override createConnection(...[options, made]: Parameters<HttpsAgent['createConnection']>) {
    return keepingMemory((onread) => super.createConnection(Object.assign(options, { onread }), made) as Socket);
  }
}

/** Returns the `request` of node:http(s) and the agent that keeps its sockets alive. */
export function openSockets({ protocol }: URL) {
  const options = { keepAlive: true, lookup };
  return protocol === 'https:'
    ? { agent: new SecureAgent(options), request: httpsRequest }
    : { agent: new PlainAgent(options), request: httpRequest };
}
