// The URL of a webhook. In AWS it is `https:` on port 443. A service on this machine also takes other ports, and `http:` to
// this machine.
//
// Invariant: the check at creation and the check at each delivery follow the same rules. A name may lead to other addresses
// later, so that only the check at delivery protects.
import { limits } from '../../../api/limits.ts';
import { unexpected } from '../../../api/refusal.ts';
import { type Address, isLoopbackAddress, isPublicAddress, type Resolve, systemResolve } from './addresses.ts';

export type WebhookNetwork = {
  /** Takes `http:` to this machine, and any port. Only a service that runs on the machine of its users may say so. */
  readonly local: boolean;
  readonly resolve?: Resolve;
};

const FIELD = 'target.url';

/** Throws INVALID_REQUEST for a URL that no delivery may go to, whatever its name leads to. */
export function parseUrl(text: string, { local }: Pick<WebhookNetwork, 'local'>): URL {
  if (text.length > limits.webhookUrlLength)
    throw unexpected(FIELD, `at most ${limits.webhookUrlLength} characters`, text.length);
  if (!URL.canParse(text)) throw unexpected(FIELD, 'a URL', text);
  const url = new URL(text);
  const wanted = local
    ? 'a URL that begins with https:, or with http: to this machine'
    : 'a URL that begins with https:';
  if (url.protocol !== 'https:' && !(local && url.protocol === 'http:')) throw unexpected(FIELD, wanted, text);
  if (!local && url.port !== '') throw unexpected(FIELD, 'port 443', text);
  // The settings are shown to everybody who may describe the subscription.
  if (url.username !== '' || url.password !== '') throw unexpected(FIELD, 'no user and no password', `${url.host}...`);
  if (url.hash !== '') throw unexpected(FIELD, 'no fragment', text);
  return url;
}

/** Only a service of this machine takes `http:`, and only to itself. */
export const notThisMachine = (url: URL) => unexpected(FIELD, 'https: (http: is for this machine only)', url.origin);

/** Resolves the name once. Throws INVALID_REQUEST if one of its addresses is not allowed, and what the resolver throws. */
export async function allowedAddresses(url: URL, network: WebhookNetwork): Promise<readonly Address[]> {
  // The URL puts IPv6 addresses into brackets.
  const addresses = await (network.resolve ?? systemResolve)(url.hostname.replace(/^\[|\]$/g, ''));
  for (const { address } of addresses) {
    const isLocal = network.local && isLoopbackAddress(address);
    if (url.protocol === 'http:' && !isLocal) throw notThisMachine(url);
    // The address stays untold: names of a network inside would otherwise tell its addresses to those who try them.
    if (!isLocal && !isPublicAddress(address))
      throw unexpected(FIELD, 'a host name that has only public addresses', url.hostname);
  }
  return addresses;
}
