// Tokens of an OIDC issuer (JWT). Their principal is the subject.
//
// Invariant: a token counts only with a signature by a key of the issuer, in an algorithm of the list, which has asymmetric
// ones only; for this issuer and this audience; and within its time.
import { createLocalJWKSet, createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey, jwtVerify } from 'jose';
import type { TokenVerifier } from './bearer.ts';
import { boundedFetch, type Fetch } from './bounded-fetch.ts';
import { AuthenticationError } from './exchange.ts';

/** A symmetric key would be public as a part of the issuer's keys, so no algorithm of HMAC is among them. */
const jwtAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];

/** The clocks of the issuer and of this machine may differ by so much. */
const clockToleranceMs = 30_000;
const answerMs = 5_000;
/** An issuer has a handful of keys. */
const keysBytes = 256 * 1024;

export type JwtOptions = {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms?: readonly string[];
  readonly clock: { now(): number };
  readonly keys: () => JWTVerifyGetKey;
};

/** @param url has passed `checkKeysUrl`. Keys are kept for ten minutes; an unknown one makes a request every 30 s at most. */
export const remoteKeys = (url: string, fetch: Fetch): JWTVerifyGetKey =>
  createRemoteJWKSet(new URL(url), {
    timeoutDuration: answerMs,
    [customFetch]: (address, options) => boundedFetch(fetch, address, options, keysBytes),
  });

/** Throws unless the text is a set of keys. */
export const localKeys = (text: string): JWTVerifyGetKey => createLocalJWKSet(JSON.parse(text));

export function checkAlgorithms(algorithms: readonly string[]): void {
  const wrong = algorithms.find((name) => !jwtAlgorithms.includes(name));
  if (wrong !== undefined)
    throw new Error(`algorithm of tokens: expected one of ${jwtAlgorithms.join(', ')}, got ${wrong}`);
}

export const jwtVerifier = (options: JwtOptions): TokenVerifier => ({
  fits: (token) => /^[\w-]+\.[\w-]+\.[\w-]*$/.test(token),
  async verify(token) {
    const { issuer, audience, algorithms = jwtAlgorithms, clock, keys } = options;
    const terms = { issuer, audience, algorithms: [...algorithms], requiredClaims: ['exp', 'sub'] };
    const times = { clockTolerance: clockToleranceMs / 1_000, currentDate: new Date(clock.now()) };
    const { payload } = await jwtVerify(token, keys(), { ...terms, ...times }).catch((error: unknown) => {
      throw new AuthenticationError(`token refused: ${reasonOf(error)}`);
    });
    const { sub, exp } = payload;
    if (typeof sub !== 'string' || sub === '')
      throw new AuthenticationError('token refused: expected a subject in sub');
    return { principal: sub, expiresAtMs: exp! * 1_000 + clockToleranceMs };
  },
});

/** Nothing of the token's own text comes back. */
function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'it has expired';
  if (error instanceof errors.JWTClaimValidationFailed) return `its claim ${error.claim} is not as expected`;
  if (error instanceof errors.JOSEAlgNotAllowed) return 'its algorithm is not allowed';
  if (error instanceof errors.JWKSNoMatchingKey) return 'no key of the issuer has its key id';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature is wrong';
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) return 'it is malformed';
  return 'the keys of the issuer cannot be had, or do not fit';
}
