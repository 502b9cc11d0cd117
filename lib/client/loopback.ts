// Which hosts are this machine, and how they are found. All names below `localhost` are (RFC 6761), such as those that
// emulators of AWS give to APIs; not every system's resolver knows that.
import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';

/** @param hostname of a URL, or as it was typed. */
export const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' || /^127(\.\d{1,3}){3}$/.test(hostname) || hostname === '[::1]' || hostname === '::1';

export const isBelowLocalhost = (hostname: string): boolean => hostname.endsWith('.localhost');

/** Node's own, but for the names below localhost. */
export const lookup: LookupFunction = (hostname, options, callback) =>
  systemLookup(isBelowLocalhost(hostname) ? 'localhost' : hostname, options, callback);
