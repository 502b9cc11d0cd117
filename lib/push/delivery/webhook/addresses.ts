// Which addresses a webhook may have. A person who may create a subscription chooses a name, and the service connects to it
// from inside a network: without this check it would be a way to instance metadata, to databases and to the service itself.
//
// Invariant: a connection goes only to an address that was checked for this delivery, and that is public.
// An IPv4 address inside an IPv6 one counts as the IPv4 address, because that is where its packets go.
import { lookup } from 'node:dns/promises';
import ipaddr from 'ipaddr.js';

export type Address = { readonly address: string; readonly family: 4 | 6 };
/** Rejects if the name has no address. */
export type Resolve = (name: string) => Promise<readonly Address[]>;

/** Asks the system, as a connection would. It also takes an address in place of a name. */
export const systemResolve: Resolve = async (name) =>
  (await lookup(name, { all: true })).map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));

/** False also for a text that is no address. */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const actual = innermost(ipaddr.parse(address));
  return actual.range() === 'unicast' && (actual.kind() === 'ipv4' || isIn(actual, globalIPv6));
}

export const isLoopbackAddress = (address: string): boolean =>
  ipaddr.isValid(address) && innermost(ipaddr.parse(address)).range() === 'loopback';

/** All public IPv6 addresses are in this block, and it has others too. Old forms outside it lead to IPv4 (`::127.0.0.1`). */
const globalIPv6 = ipaddr.IPv6.parseCIDR('2000::/3');
const nat64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96');

const isIn = (address: ipaddr.IPv4 | ipaddr.IPv6, block: readonly [ipaddr.IPv6, number]): boolean =>
  address instanceof ipaddr.IPv6 && address.match(...block);

/** IPv4 is mapped into IPv6 as `::ffff:a.b.c.d`, and NAT64 translates `64:ff9b::a.b.c.d`. */
function innermost(address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4 | ipaddr.IPv6 {
  if (!(address instanceof ipaddr.IPv6)) return address;
  if (address.isIPv4MappedAddress()) return address.toIPv4Address();
  return isIn(address, nat64) ? ipaddr.fromByteArray(address.toByteArray().slice(12)) : address;
}
