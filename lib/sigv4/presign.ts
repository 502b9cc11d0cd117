// Signatures in the query of a URL, as AWS's services take them: whoever has the URL may send the request, until it expires.
// This file sends nothing and reads no clock.
//
// Invariant: a URL is judged by its parts as they are on the wire, and it has each parameter once.
import { timingSafeEqual } from 'node:crypto';
import {
  algorithm,
  amzDate,
  type Credentials,
  type Scope,
  scopeText,
  sha256Hex,
  signatureOf,
  signedNames,
} from './canonical.ts';

export type UrlToPresign = {
  /** Without parameters of a signature. */
  readonly url: URL;
  /** Signed beside the host: whoever sends the request must send them too. Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly credentials: Credentials;
  readonly region: string;
  readonly service: string;
  readonly nowMs: number;
  readonly expiresSeconds: number;
};

/** Returns the URL of a GET with its signature. */
export function presignUrl({
  url,
  headers = {},
  credentials,
  region,
  service,
  nowMs,
  expiresSeconds,
}: UrlToPresign): URL {
  const date = amzDate(nowMs);
  const scope = { date: date.slice(0, 8), region, service };
  const signed = new Map(Object.entries({ ...headers, host: url.host }));
  const presigned = new URL(url);
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const parameters = {
    'X-Amz-Algorithm': algorithm,
    'X-Amz-Credential': `${accessKeyId}/${scopeText(scope)}`,
    'X-Amz-Date': date,
    'X-Amz-Expires': String(expiresSeconds),
    'X-Amz-SignedHeaders': signedNames(signed),
    ...(sessionToken !== undefined && { 'X-Amz-Security-Token': sessionToken }),
  };
  for (const [name, value] of Object.entries(parameters)) presigned.searchParams.set(name, value);
  const signature = signatureOf(requestOf(presigned, signed), date, scope, secretAccessKey);
  presigned.searchParams.set('X-Amz-Signature', signature);
  return presigned;
}

const requestOf = ({ pathname, search }: URL, headers: ReadonlyMap<string, string>) => ({
  ...{ method: 'GET', path: pathname, query: search.slice(1), headers, bodySha256: sha256Hex('') },
});

/** A presigned URL says this of itself. None of it is proved. */
export type Presigned = {
  readonly accessKeyId: string;
  readonly scope: Scope;
  readonly signedHeaders: readonly string[];
  /** Epoch milliseconds. */
  readonly signedAtMs: number;
  readonly expiresAtMs: number;
  /** The parameters that are not of the signature. */
  readonly others: ReadonlyMap<string, string>;
  readonly sessionToken?: string;
  readonly signature: string;
  readonly date: string;
};

/** Undefined unless the query has one whole signature, and each parameter once. */
export function readPresigned(query: URLSearchParams): Presigned | undefined {
  const all = new Map(query);
  if (all.size !== [...query].length) return undefined;
  const take = (name: string, pattern: RegExp): RegExpExecArray | undefined => {
    const found = pattern.exec(all.get(name) ?? '') ?? undefined;
    all.delete(name);
    return found;
  };
  const isOurs = take('X-Amz-Algorithm', /^AWS4-HMAC-SHA256$/);
  const credential = take(
    'X-Amz-Credential',
    /^(\w{1,128})\/(\d{8})\/([a-z0-9-]{1,64})\/([a-z0-9-]{1,64})\/aws4_request$/,
  );
  const date = take('X-Amz-Date', /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/);
  const expires = take('X-Amz-Expires', /^\d{1,6}$/);
  const headers = take('X-Amz-SignedHeaders', /^[a-z0-9;-]{1,256}$/);
  const signature = take('X-Amz-Signature', /^[0-9a-f]{64}$/);
  const token = take('X-Amz-Security-Token', /^[\w+/=-]{1,8192}$/);
  if (!isOurs || !credential || !date || !expires || !headers || !signature) return undefined;
  const [, year, month, day, hour, minute, second] = date;
  const signedAtMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  const [, accessKeyId, scopeDate, region, service] = credential;
  if (Number.isNaN(signedAtMs) || scopeDate !== date[0].slice(0, 8)) return undefined;
  return {
    accessKeyId: accessKeyId!,
    scope: { date: scopeDate, region: region!, service: service! },
    signedHeaders: headers[0].split(';'),
    signedAtMs,
    expiresAtMs: signedAtMs + Number(expires[0]) * 1_000,
    others: all,
    ...(token && { sessionToken: token[0] }),
    signature: signature[0],
    date: date[0],
  };
}

/** Whether the owner of the secret has signed a GET of this URL, with these headers. */
export function isPresignedBy(
  secretAccessKey: string,
  url: URL,
  presigned: Presigned,
  headers: Readonly<Record<string, string>>,
): boolean {
  const unsigned = new URL(url);
  unsigned.searchParams.delete('X-Amz-Signature');
  const { date, scope, signature } = presigned;
  const expected = signatureOf(requestOf(unsigned, new Map(Object.entries(headers))), date, scope, secretAccessKey);
  return timingSafeEqual(Buffer.from(expected), Buffer.from(signature));
}
