// The Host and Origin headers that the local server accepts. Every web page can send requests to this machine, and can sign
// them with local/local. A page that points a DNS name of its own at this machine (DNS rebinding) would be same-origin with
// the service. Only the name in its requests reveals such a page.
//
// Invariant: a name that somebody else can point here is accepted only if the person who started the server gave it. An
// address is safe, because it cannot be pointed elsewhere.
import { isIP } from 'node:net';
import { RivuletError } from '../lib/api/errors.ts';
import { isBelowLocalhost, isLoopback } from '../lib/runtime/loopback.ts';

/** The names to accept beside the names of loopback and the address that a request came to. */
export function namesOf(boundHost: string, allowHosts: readonly string[]): ReadonlySet<string> {
  return new Set([oneSpelling(boundHost), ...allowHosts.map(givenName)]);
}

function givenName(name: string): string {
  const bare = name.replace(/^\[(.*)\]$/, '$1');
  if (isIP(bare) !== 0 || /^[\w.-]+$/.test(bare)) return oneSpelling(bare);
  throw new Error(`allowed host: expected a name or an address, without scheme and port, got ${shown(name)}`);
}

/** Throws FORBIDDEN. `localAddress` is the address of this server that the request came to. Pages of `corsOrigins` are welcome. */
export function checkHosts(
  { host = '', origin }: Readonly<Record<string, string>>,
  names: ReadonlySet<string>,
  localAddress = '',
  corsOrigins: ReadonlySet<string> = new Set(),
): void {
  const isOurs = (authority: string): boolean => {
    const name = nameIn(authority);
    if (name === undefined) return false;
    return isLoopback(name) || isBelowLocalhost(name) || names.has(name) || name === oneSpelling(localAddress);
  };
  const ours = 'localhost, the address of this server, or a name given to it with --allow-host';
  if (!isOurs(host)) throw foreign('header.host', ours, host);
  if (origin === undefined || corsOrigins.has(origin)) return;
  const [, authority = ''] = /^https?:\/\/(.*)$/i.exec(origin) ?? [];
  if (!isOurs(authority)) throw foreign('header.origin', `a page of ${ours}, or an origin of --cors-origin`, origin);
}

/** The name or address in `name`, `name:port`, `address:port` or `[address]:port`, in one spelling. */
function nameIn(authority: string): string | undefined {
  const [, address, name] = /^(?:\[([\da-f:.]+)\]|([\w.-]+))(?::\d{0,5})?$/i.exec(authority) ?? [];
  if (address !== undefined && isIP(address) !== 6) return undefined;
  const host = address ?? name;
  return host === undefined ? undefined : oneSpelling(host);
}

/**
 * The host in lower case, with IPv6 compressed, without a dot at the end and without a zone. A socket of both families
 * writes an IPv4 address inside an IPv6 address: the result is the IPv4 address.
 */
function oneSpelling(host: string): string {
  const plain = host
    .toLowerCase()
    .replace(/\.$|%.*$/, '')
    .replace(/^::ffff:(?=\d+\.)/, '');
  return isIP(plain) === 6 ? new URL(`http://[${plain}]`).hostname.slice(1, -1) : plain;
}

const shown = (value: string): string => JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}...` : value);

function foreign(field: string, expected: string, value: string): RivuletError {
  return new RivuletError('FORBIDDEN', `${field}: expected ${expected}, got ${shown(value)}`, {
    outcome: 'not-written',
    extra: { field },
  });
}
