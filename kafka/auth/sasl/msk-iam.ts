// The signatures of clients that were made for Amazon MSK: AWS_MSK_IAM, and the OAUTHBEARER tokens of MSK's signers. No
// endpoint of AWS verifies them for others, so they work only for access keys whose secrets this process has.
//
// Invariant: a signature counts for 15 minutes at most, for the one action that MSK's clients sign, and for a key of the file.
import * as z from 'zod';
import { isPresignedBy, type Presigned, readPresigned } from '../../../lib/sigv4/presign.ts';
import type { TokenVerifier } from './bearer.ts';
import { AuthenticationError, type Identity, type Mechanism, textIn } from './exchange.ts';

export type IamKey = { readonly accessKeyId: string; readonly secretAccessKey: string; readonly principal: string };
export type IamKeys = ReadonlyMap<string, IamKey>;

const file = z.strictObject({
  version: z.literal(1),
  keys: z.array(
    z.strictObject({
      accessKeyId: z.string().min(1),
      secretAccessKey: z.string().min(1),
      principal: z.string().min(1),
    }),
  ),
});

/** Throws an error that names the field. */
export function readIamKeys(text: string): IamKeys {
  const { data, error } = file.safeParse(JSON.parse(text));
  if (!data) throw new Error(`IAM keys file: ${error.issues[0]!.path.join('.')}: ${error.issues[0]!.message}`);
  return new Map(data.keys.map((key) => [key.accessKeyId, key]));
}

const service = 'kafka-cluster';
const action = 'kafka-cluster:Connect';
const mostSeconds = 900;
const clockToleranceMs = 300_000;

type Options = { readonly keys: () => IamKeys; readonly clock: { now(): number } };

/** The token is the URL, in base64url, with the name of the signer behind what is signed. */
export const mskTokens = (options: Options): TokenVerifier => ({
  fits: (token) => urlIn(token) !== undefined,
  async verify(token) {
    const url = urlIn(token)!;
    url.searchParams.delete('User-Agent');
    return identify(url, options);
  },
});

function urlIn(token: string): URL | undefined {
  const text = Buffer.from(token, 'base64url').toString();
  const isOfMsk = /^https:\/\/kafka\.[a-z0-9-]+\.amazonaws\.com(\.cn)?\/\?/.test(text);
  return isOfMsk && URL.canParse(text) ? new URL(text) : undefined;
}

/** The client sends the parts of the URL as JSON. */
export const mskIam = (options: Options): Mechanism => ({
  name: 'AWS_MSK_IAM',
  needsTls: true,
  begin: () => ({
    async next(message) {
      const identity = identify(urlOf(textIn(message)), options);
      return { reply: Buffer.from(JSON.stringify({ version: '2020_10_22', 'request-id': 'rivulet' })), identity };
    },
  }),
});

const names = {
  'x-amz-algorithm': 'X-Amz-Algorithm',
  'x-amz-credential': 'X-Amz-Credential',
  'x-amz-date': 'X-Amz-Date',
  'x-amz-expires': 'X-Amz-Expires',
  'x-amz-security-token': 'X-Amz-Security-Token',
  'x-amz-signature': 'X-Amz-Signature',
  'x-amz-signedheaders': 'X-Amz-SignedHeaders',
  action: 'Action',
} as const;

const payload = z.object({
  version: z.literal('2020_10_22'),
  host: z.string().regex(/^[A-Za-z0-9.-]{1,253}$/),
  ...Object.fromEntries(Object.keys(names).map((name) => [name, z.string().optional()])),
});

function urlOf(message: string): URL {
  const { data } = payload.safeParse(jsonIn(message));
  if (!data) throw new AuthenticationError('AWS_MSK_IAM: expected a message of version 2020_10_22');
  const url = new URL(`https://${data.host}/`);
  for (const [name, parameter] of Object.entries(names)) {
    const value = (data as Record<string, string | undefined>)[name];
    if (value !== undefined) url.searchParams.set(parameter, value);
  }
  return url;
}

function jsonIn(message: string): unknown {
  try {
    return JSON.parse(message);
  } catch {
    return undefined;
  }
}

/** An unknown key and a wrong signature are told apart by nothing: both take one signature. */
function identify(url: URL, { keys, clock }: Options): Identity {
  const presigned = readPresigned(url.searchParams);
  if (!presigned || !isForKafka(presigned)) throw new AuthenticationError('IAM: expected a signature for Kafka');
  const { accessKeyId, signedAtMs, expiresAtMs } = presigned;
  const isOld = expiresAtMs <= clock.now() || expiresAtMs - signedAtMs > mostSeconds * 1_000;
  if (isOld || signedAtMs > clock.now() + clockToleranceMs)
    throw new AuthenticationError(`IAM: expected a signature of the last ${mostSeconds} s`);
  const key = keys().get(accessKeyId);
  const isRight = isPresignedBy(key?.secretAccessKey ?? '', url, presigned, { host: url.host });
  if (!key || !isRight) throw new AuthenticationError('IAM: wrong key or signature');
  const isValid = () => keys().get(accessKeyId)?.secretAccessKey === key.secretAccessKey;
  return { principal: key.principal, expiresAtMs, isValid };
}

const isForKafka = ({ scope, signedHeaders, others, sessionToken }: Presigned): boolean =>
  scope.service === service &&
  signedHeaders.join() === 'host' &&
  sessionToken === undefined &&
  others.size === 1 &&
  others.get('Action') === action;
