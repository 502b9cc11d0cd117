// Which hosts are this machine, and how they are found. All names below `localhost` are (RFC 6761), such as those that
// emulators of AWS give to APIs; not every system's resolver knows that.
import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';

export const isBelowLocalhost = (hostname: string): boolean => hostname.endsWith('.localhost');

/** Node's own, but for the names below localhost. */
export const lookup: LookupFunction = (hostname, options, callback) =>
  systemLookup(isBelowLocalhost(hostname) ? 'localhost' : hostname, options, callback);
