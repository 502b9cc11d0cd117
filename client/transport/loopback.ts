// This file knows which host names mean this machine, and looks them up. All names below `localhost` do (RFC 6761), such
// as the names that emulators of AWS give to APIs. Not every system's resolver knows that.
import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';

export const isBelowLocalhost = (hostname: string): boolean => hostname.endsWith('.localhost');

/** Node's own lookup, except for the names below localhost. */
export const lookup: LookupFunction = (hostname, options, callback) =>
  systemLookup(isBelowLocalhost(hostname) ? 'localhost' : hostname, options, callback);
