// Who signs, and for which region. Explicit credentials win; a server on loopback takes local/local, the embedded
// home's default; anything else asks the AWS chain (environment, profile, SSO, role), which is loaded only then.

import { isLoopback } from '../../lib/runtime/loopback.ts';
import type { Credentials } from '../../lib/sigv4/canonical.ts';
import { invalid, RivuletClientError } from '../client-error.ts';
import { isBelowLocalhost } from './loopback.ts';

export type CredentialsProvider = () => Promise<Credentials>;

/** @returns a function that may be asked before every request: temporary credentials are renewed by the chain. */
export function credentialsFor(url: URL, given: Credentials | CredentialsProvider | undefined): CredentialsProvider {
  if (typeof given === 'function') return () => had(given);
  if (given !== undefined) {
    const wrong = whyNoCredentials(given);
    if (wrong) throw invalid(`credentials${wrong}`);
    return async () => given;
  }
  if (isLoopback(url.hostname)) return async () => ({ accessKeyId: 'local', secretAccessKey: 'local' });
  let chain: Promise<CredentialsProvider> | undefined;
  return () =>
    had(async () => {
      chain ??= import('@aws-sdk/credential-provider-node').then(({ defaultProvider }) => defaultProvider());
      return (await chain)();
    });
}

/** @returns the field that is wrong, and how. What it holds is not repeated: it may be a secret. */
function whyNoCredentials(given: Credentials): string | undefined {
  if (typeof given !== 'object' || given === null) return ': expected an object or a function';
  const { accessKeyId, secretAccessKey, sessionToken } = given;
  const isVisible = (text: unknown) => typeof text === 'string' && /^[!-~]+$/.test(text);
  if (!isVisible(accessKeyId) || /[/,]/.test(accessKeyId))
    return '.accessKeyId: expected visible ASCII without "/" or ","';
  if (typeof secretAccessKey !== 'string' || secretAccessKey === '') return '.secretAccessKey: expected text';
  return sessionToken === undefined || isVisible(sessionToken) ? undefined : '.sessionToken: expected visible ASCII';
}

/** Whatever the provider throws or gives, whoever asks is told what could not be had. */
async function had(provider: CredentialsProvider): Promise<Credentials> {
  try {
    const given = await provider();
    const wrong = whyNoCredentials(given);
    if (wrong) throw new Error(`the function gave credentials${wrong}`);
    return given;
  } catch (cause) {
    const detail = `no AWS credentials were found: ${String(cause)}`;
    throw new RivuletClientError('CREDENTIALS_UNAVAILABLE', detail, { outcome: 'not-written', cause });
  }
}

/**
 * `https://abc123.execute-api.eu-central-1.amazonaws.com` -> `eu-central-1`. A custom domain does not tell. What an address of
 * API Gateway tells goes before what is given: it takes no other, and who is used to another region has AWS_REGION set.
 */
export function regionFor(url: URL, given: string | undefined): string {
  if (given !== undefined && !(typeof given === 'string' && /^[a-z0-9-]+$/.test(given)))
    throw invalid(`region: expected a name like eu-central-1, got ${JSON.stringify(given)}`);
  const named = /\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/.exec(url.hostname)?.[1] ?? given;
  if (named) return named;
  if (isLoopback(url.hostname) || isBelowLocalhost(url.hostname)) return 'us-east-1';
  throw invalid(
    `region: ${url.hostname} does not name one, so it must be given (on the command line with --region or AWS_REGION)`,
  );
}
