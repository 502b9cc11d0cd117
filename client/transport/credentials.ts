// This file finds the credentials that sign requests, and the region they sign for. Explicit credentials win. A server
// on loopback gets local/local, the embedded backend's default. Any other server gets the credentials of the AWS chain
// (environment, profile, SSO, role), and only then is the chain loaded.

import { isBelowLocalhost, isLoopback } from '../../lib/runtime/loopback.ts';
import type { Credentials } from '../../lib/sigv4/canonical.ts';
import { invalid, RivuletClientError } from '../client-error.ts';

export type CredentialsProvider = () => Promise<Credentials>;

/** `none`: the requests are not signed, because a proxy in front of the API signs them. */
export type Signer = () => Promise<Credentials | 'none'>;

/** @returns a function to call before every request: the chain renews temporary credentials. */
export function credentialsFor(
  url: URL,
  given: Credentials | CredentialsProvider | 'none' | undefined,
  profile?: string,
): Signer {
  if (given === 'none') return async () => 'none';
  if (typeof given === 'function') return () => had(given);
  if (given !== undefined) {
    const wrong = whyNoCredentials(given);
    if (wrong) throw invalid(`credentials${wrong}`);
    return async () => given;
  }
  if (profile === undefined && isLoopback(url.hostname))
    return async () => ({ accessKeyId: 'local', secretAccessKey: 'local' });
  let chain: Promise<CredentialsProvider> | undefined;
  return () =>
    had(
      async () => {
        chain ??= import('@aws-sdk/credential-provider-node').then(({ defaultProvider }) =>
          defaultProvider(profile === undefined ? {} : { profile }),
        );
        return (await chain)();
      },
      adviceFor(url, profile),
    );
}

/** `rivulet serve` answers to names below localhost, and a caller may expect local/local there. */
function adviceFor({ hostname }: URL, profile: string | undefined): string {
  if (profile !== undefined) return ` in profile ${profile}`;
  if (!isBelowLocalhost(hostname)) return '';
  return (
    ` for ${hostname}, which may be an emulator's API: call \`rivulet serve\` at localhost, or set the option credentials` +
    ' (on the command line, RIVULET_ACCESS_KEY_ID and RIVULET_SECRET_ACCESS_KEY)'
  );
}

/** @returns the field that is wrong, and how. It does not repeat the value, because it may be a secret. */
function whyNoCredentials(given: Credentials): string | undefined {
  if (typeof given !== 'object' || given === null) return ': expected an object or a function';
  const { accessKeyId, secretAccessKey, sessionToken } = given;
  const isVisible = (text: unknown) => typeof text === 'string' && /^[!-~]+$/.test(text);
  if (!isVisible(accessKeyId) || /[/,]/.test(accessKeyId))
    return '.accessKeyId: expected visible ASCII without "/" or ","';
  if (typeof secretAccessKey !== 'string' || secretAccessKey === '') return '.secretAccessKey: expected text';
  return sessionToken === undefined || isVisible(sessionToken) ? undefined : '.sessionToken: expected visible ASCII';
}

/** Turns anything that the provider throws, and any wrong value that it gives, into one error about the credentials. */
async function had(provider: CredentialsProvider, advice = ''): Promise<Credentials> {
  try {
    const given = await provider();
    const wrong = whyNoCredentials(given);
    if (wrong) throw new Error(`the function gave credentials${wrong}`);
    return given;
  } catch (cause) {
    const detail = `no AWS credentials were found${advice}: ${String(cause)}`;
    throw new RivuletClientError('CREDENTIALS_UNAVAILABLE', detail, { outcome: 'not-written', cause });
  }
}

/**
 * `https://abc123.execute-api.eu-central-1.amazonaws.com` -> `eu-central-1`. A custom domain does not reveal its region.
 * The region in an address of API Gateway wins over the given one: the API accepts no other, and a user who mostly works
 * in another region has AWS_REGION set.
 */
export function regionFor(url: URL, given: string | undefined): string {
  if (given !== undefined && !(typeof given === 'string' && /^[a-z0-9-]+$/.test(given)))
    throw invalid(`region: expected a name like eu-central-1, got ${JSON.stringify(given)}`);
  const named = /\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/.exec(url.hostname)?.[1] ?? given;
  if (named) return named;
  if (isLoopback(url.hostname) || isBelowLocalhost(url.hostname)) return 'us-east-1';
  throw invalid(
    `region: expected one, because ${url.hostname} does not name it: set it (on the command line, by --region or AWS_REGION)`,
  );
}
