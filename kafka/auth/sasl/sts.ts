// IAM by a presigned request: the client signs a GetCallerIdentity of STS, and this process sends it. STS alone can verify
// the signature, and answers with the ARN of the caller, which becomes the principal.
//
// Invariant: nothing of a token decides where a request goes. Its signature covers the name of this cluster, so that it is
// worth nothing to another one; and it is sent to STS in one region only.

import { createGate } from '../../../lib/runtime/concurrency.ts';
import type { Credentials } from '../../../lib/sigv4/canonical.ts';
import { type Presigned, presignUrl, readPresigned } from '../../../lib/sigv4/presign.ts';
import type { TokenVerifier } from './bearer.ts';
import { boundedFetch, type Fetch } from './bounded-fetch.ts';
import { AuthenticationError } from './exchange.ts';

const tokenPrefix = 'rivulet-sts-v1.';
const clusterHeader = 'x-rivulet-cluster';
const action = { Action: 'GetCallerIdentity', Version: '2011-06-15' };
const tokenSeconds = 900;
const clockToleranceMs = 60_000;
const answerMs = 5_000;
const answerBytes = 64 * 1024;
/** Anybody may send tokens that STS has to look at. */
const requestsAtOnce = 8;

const hostOf = (region: string): string => `sts.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;

export type StsOptions = {
  readonly region: string;
  /** The name of this cluster in tokens. */
  readonly cluster: string;
  readonly clock: { now(): number };
  readonly fetch: Fetch;
};

export function checkRegion(region: string): void {
  if (!/^[a-z]{2,4}(-[a-z]+)+-\d{1,2}$/.test(region))
    throw new Error(`region of STS: expected the name of a region, as eu-west-1, got ${region}`);
}

type TokenOptions = {
  readonly region: string;
  readonly cluster: string;
  readonly credentials: Credentials;
  readonly nowMs: number;
};

/** A token is good for 15 minutes. */
export function stsToken({ region, cluster, credentials, nowMs }: TokenOptions): {
  token: string;
  expiresAtMs: number;
} {
  const url = new URL(`https://${hostOf(region)}/?${new URLSearchParams(action)}`);
  const signing = { url, headers: { [clusterHeader]: cluster }, credentials, region, service: 'sts', nowMs };
  const signed = presignUrl({ ...signing, expiresSeconds: tokenSeconds });
  const token = tokenPrefix + Buffer.from(signed.search.slice(1)).toString('base64url');
  return { token, expiresAtMs: nowMs + tokenSeconds * 1_000 };
}

export function stsVerifier(options: StsOptions): TokenVerifier {
  const gate = createGate(requestsAtOnce);
  return {
    fits: (token) => token.startsWith(tokenPrefix),
    async verify(token) {
      const query = new URLSearchParams(Buffer.from(token.slice(tokenPrefix.length), 'base64url').toString());
      const presigned = readPresigned(query);
      if (!presigned) throw new AuthenticationError('token of STS: expected a presigned query');
      check(presigned, options);
      const principal = await gate.run(() => callerOf(query, options));
      return { principal, expiresAtMs: presigned.expiresAtMs };
    },
  };
}

function check(
  { scope, signedHeaders, signedAtMs, expiresAtMs, others }: Presigned,
  { region, clock }: StsOptions,
): void {
  const isAction = [...others].every(([name, value]) => action[name as keyof typeof action] === value);
  if (!isAction || others.size !== Object.keys(action).length)
    throw new AuthenticationError('token of STS: expected GetCallerIdentity and nothing else');
  if (scope.region !== region || scope.service !== 'sts')
    throw new AuthenticationError(`token of STS: expected one for region ${region}`);
  if (signedHeaders.join() !== ['host', clusterHeader].join())
    throw new AuthenticationError(`token of STS: expected the headers host and ${clusterHeader} to be signed`);
  const isOld = expiresAtMs <= clock.now() || expiresAtMs - signedAtMs > tokenSeconds * 1_000;
  if (isOld || signedAtMs > clock.now() + clockToleranceMs)
    throw new AuthenticationError(`token of STS: expected one that was signed within the last ${tokenSeconds} s`);
}

type Answer = { GetCallerIdentityResponse?: { GetCallerIdentityResult?: { Arn?: unknown } } };

async function callerOf(query: URLSearchParams, { region, cluster, fetch }: StsOptions): Promise<string> {
  const headers = { accept: 'application/json', [clusterHeader]: cluster };
  const terms = { headers, redirect: 'error' as const, signal: AbortSignal.timeout(answerMs) };
  const answered = await boundedFetch(fetch, `https://${hostOf(region)}/?${query}`, terms, answerBytes).catch(() => {
    throw new AuthenticationError('token of STS: STS did not answer');
  });
  if (answered.status !== 200) throw new AuthenticationError(`token of STS: STS refused it with ${answered.status}`);
  const answer = (await answered.json().catch(() => undefined)) as Answer | undefined;
  const arn = answer?.GetCallerIdentityResponse?.GetCallerIdentityResult?.Arn;
  if (typeof arn === 'string' && arn.startsWith('arn:aws')) return arn;
  throw new AuthenticationError('token of STS: expected an ARN in the answer of STS');
}
