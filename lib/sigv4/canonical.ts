// The pure part of AWS Signature Version 4: it computes the signature of a request as it is on the wire. The signer and the
// verifier both use it, so that they cannot disagree about what was signed.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
//
// Everything is computed from the raw path and query. For services other than S3 the path is encoded once more than on the
// wire ("%20" becomes "%2520"). Nothing in the path is ever decoded, so two paths share a signature only if they differ by
// "//", "." and "..".
import { createHash, createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto';

export const algorithm = 'AWS4-HMAC-SHA256';

export type Credentials = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Temporary credentials have one. It is sent in the header x-amz-security-token. */
  readonly sessionToken?: string | undefined;
};

/** A signature is valid for one scope: one day, one region, one service. */
export type Scope = { readonly date: string; readonly region: string; readonly service: string };

export type CanonicalRequest = {
  readonly method: string;
  /** As on the wire, without the query. */
  readonly path: string;
  /** As on the wire, without the "?", in any order. */
  readonly query: string;
  /** Only the signed headers: lower-case names, and values as on the wire. Several values of one name are joined by ",". */
  readonly headers: ReadonlyMap<string, string>;
  /** Lower-case hexadecimal SHA-256 of the body. */
  readonly bodySha256: string;
};

/** The SHA-256 in lower-case hexadecimal. Text is hashed as UTF-8. */
export function sha256Hex(data: Uint8Array | string | readonly Uint8Array[]): string {
  if (typeof data === 'string' || data instanceof Uint8Array) return hash('sha256', data, 'hex');
  const sum = createHash('sha256');
  for (const piece of data) sum.update(piece);
  return sum.digest('hex');
}

/** `20261122T170635Z`, the form of x-amz-date and of the string to sign. Its first eight characters are the scope's date. */
export function amzDate(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
}

export function scopeText({ date, region, service }: Scope): string {
  return `${date}/${region}/${service}/aws4_request`;
}

/** The names of the signed headers as Authorization lists them. */
export function signedNames(headers: ReadonlyMap<string, string>): string {
  return [...headers.keys()].sort().join(';');
}

/** The signature of a request at `date` (the form of `amzDate`), in hexadecimal. */
export function signatureOf(request: CanonicalRequest, date: string, scope: Scope, secretAccessKey: string): string {
  const stringToSign = [algorithm, date, scopeText(scope), sha256Hex(canonicalText(request))].join('\n');
  return createHmac('sha256', signingKey(secretAccessKey, scope)).update(stringToSign).digest('hex');
}

function canonicalText({ method, path, query, headers, bodySha256 }: CanonicalRequest): string {
  const lines = [...headers].sort(byFirst).map(([name, value]) => `${name}:${canonicalValue(value)}\n`);
  return [method, canonicalPath(path), canonicalQuery(query), lines.join(''), signedNames(headers), bodySha256].join(
    '\n',
  );
}

function canonicalValue(value: string): string {
  return value.replace(/[ \t]+/g, ' ').replace(/^ | $/g, '');
}

function canonicalPath(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(encode(segment));
  }
  return kept.length > 0 && path.endsWith('/') ? `/${kept.join('/')}/` : `/${kept.join('/')}`;
}

/** Sorted by encoded name, then by encoded value. */
function canonicalQuery(query: string): string {
  const pairs = query.split('&').filter((part) => part !== '');
  return pairs
    .map((part): [string, string] => {
      const equals = part.indexOf('=');
      return equals < 0 ? [recode(part), ''] : [recode(part.slice(0, equals)), recode(part.slice(equals + 1))];
    })
    .sort((a, b) => byFirst(a, b) || compare(a[1], b[1]))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

const byFirst = (a: readonly [string, ...unknown[]], b: readonly [string, ...unknown[]]): number => compare(a[0], b[0]);

/** Compares by code unit. All strings here are ASCII, so this is the order of their bytes. */
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Encodes as RFC 3986: everything but letters, digits and "-._~" becomes upper-case %XX of its UTF-8 bytes. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, hexOf);
}

const hexOf = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;

/**
 * Encodes one part of a query in the one canonical way, however it was encoded before. "+" is a space, as URLSearchParams
 * writes it and as API Gateway reads it. Escapes are not decoded to text, so that bytes that are not UTF-8 keep their
 * meaning.
 */
function recode(part: string): string {
  return part.replace(/%[0-9a-fA-F]{2}|[^A-Za-z0-9._~-]/gu, (found) => {
    if (found === '+') return '%20';
    if (found.length < 3) return encode(found);
    const character = String.fromCharCode(Number.parseInt(found.slice(1), 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : found.toUpperCase();
  });
}

/**
 * Signing keys are kept: each takes four chained HMACs and is the same all day. There are few, because only known
 * credentials and today's date come here. They are KeyObjects, because Node takes ten times as long for an HMAC with a key
 * that it has to wrap first.
 */
const keys = new Map<string, KeyObject>();
const maxKeys = 50;

function signingKey(secretAccessKey: string, scope: Scope): KeyObject {
  const name = `${secretAccessKey}\n${scopeText(scope)}`;
  const known = keys.get(name);
  if (known !== undefined) return known;
  if (keys.size >= maxKeys) keys.clear();
  const key = [scope.date, scope.region, scope.service, 'aws4_request'].reduce<Buffer>(
    (previous, part) => createHmac('sha256', previous).update(part).digest(),
    Buffer.from(`AWS4${secretAccessKey}`),
  );
  const wrapped = createSecretKey(key);
  keys.set(name, wrapped);
  return wrapped;
}
