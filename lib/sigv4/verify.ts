// Verifies AWS Signature Version 4 as API Gateway's IAM authorizer does: a request that is accepted here is accepted there.
// It takes the Authorization header only, no query signatures. The body is always part of the signature.
//
// Verification has two steps, because reading a body costs more than checking a signature. `verifyHead` refuses everything
// that it can without the body; if x-amz-content-sha256 is signed, that includes a wrong signature. `verifyBody` refuses the
// rest. A caller is known only after both. A reason never holds the expected signature or anything derived from the secret.
import { timingSafeEqual } from 'node:crypto';
import { algorithm, amzDate, type Credentials, type Scope, scopeText, sha256Hex, signatureOf } from './canonical.ts';

export type SignedHead = {
  readonly method: string;
  /** As on the wire. */
  readonly path: string;
  /** As on the wire, without the "?". */
  readonly query: string;
  /** As on the wire: names in any case, and a repeated header once for each time. */
  readonly headers: readonly (readonly [name: string, value: string])[];
};

export type VerifyOptions = {
  readonly credentialsFor: (accessKeyId: string) => Credentials | undefined;
  readonly region: string;
  readonly service: string;
  readonly nowMs: number;
  /** The allowed difference of the clocks, in either direction. Default: five minutes. */
  readonly maxSkewMs?: number;
};

type Refusal = { readonly ok: false; readonly reason: string };
export type Verdict = { readonly ok: true; readonly accessKeyId: string } | Refusal;
export type HeadVerdict = { readonly ok: true; readonly verifyBody: (bodySha256: string) => Verdict } | Refusal;

type Authorization = {
  readonly accessKeyId: string;
  readonly scope: Scope;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
};

/** Runs both steps when the body is at hand. The hash of the body is computed only if the head is good. */
export function verifyRequest(
  request: SignedHead & { readonly bodySha256: string | (() => string) },
  options: VerifyOptions,
): Verdict {
  const head = verifyHead(request, options);
  if (!head.ok) return head;
  return head.verifyBody(typeof request.bodySha256 === 'string' ? request.bodySha256 : request.bodySha256());
}

export function verifyHead(head: SignedHead, options: VerifyOptions): HeadVerdict {
  try {
    return examineHead(head, options);
  } catch (error) {
    if (error instanceof Refused) return { ok: false, reason: error.message };
    throw error;
  }
}

/** Ends the examination at the first broken rule. It never leaves this file. */
class Refused extends Error {}

function examineHead(head: SignedHead, options: VerifyOptions): HeadVerdict {
  const headers = collect(head.headers);
  const authorization = parseAuthorization(one(headers, 'authorization'));
  const date = dateOf(headers);
  checkTime(date, authorization.scope, options);
  checkScope(authorization.scope, options);
  const signed = signedValues(authorization.signedHeaders, headers);
  checkAscii(head, signed);
  const credentials = options.credentialsFor(authorization.accessKeyId);
  if (credentials === undefined) throw new Refused(`the access key id ${authorization.accessKeyId} is not known`);
  checkToken(credentials, headers);
  const isSignatureOf = (bodySha256: string): boolean => {
    const expected = signatureOf(
      { ...head, headers: signed, bodySha256 },
      date,
      authorization.scope,
      credentials.secretAccessKey,
    );
    return timingSafeEqual(Buffer.from(expected), Buffer.from(authorization.signature));
  };
  const claimed = headers.get('x-amz-content-sha256')?.[0];
  return { ok: true, verifyBody: bodyCheck(credentials.accessKeyId, isSignatureOf, claimed) };
}

const wrongSignature = 'the signature does not match this request and the secret access key';

function bodyCheck(
  accessKeyId: string,
  isSignatureOf: (bodySha256: string) => boolean,
  claimed: string | undefined,
): (bodySha256: string) => Verdict {
  if (claimed === undefined)
    return (bodySha256: string): Verdict =>
      isSignatureOf(bodySha256) ? { ok: true, accessKeyId } : { ok: false, reason: wrongSignature };
  // Only S3 accepts UNSIGNED-PAYLOAD and the streaming forms in this header.
  if (!/^[0-9a-f]{64}$/.test(claimed))
    throw new Refused('x-amz-content-sha256 must be the SHA-256 of the body in lower-case hexadecimal');
  if (!isSignatureOf(claimed)) throw new Refused(wrongSignature);
  return (bodySha256: string): Verdict =>
    bodySha256 === claimed
      ? { ok: true, accessKeyId }
      : { ok: false, reason: 'x-amz-content-sha256 is not the SHA-256 of the body' };
}

// --- headers

type Headers = ReadonlyMap<string, readonly string[]>;

function collect(pairs: SignedHead['headers']): Headers {
  const headers = new Map<string, string[]>();
  for (const [name, raw] of pairs) {
    const value = withoutOuterBlanks(raw);
    const values = headers.get(name.toLowerCase());
    if (values === undefined) headers.set(name.toLowerCase(), [value]);
    else values.push(value);
  }
  const repeated = [...headers].find(([name, values]) => values.length > 1 && isSingle(name));
  if (repeated !== undefined) throw new Refused(`the header ${repeated[0]} is given more than once`);
  return headers;
}

/** Trims by hand: an expression for the end would try every run of blanks inside, and each run from every blank in it. */
function withoutOuterBlanks(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isBlank(text[from])) from++;
  while (to > from && isBlank(text[to - 1])) to--;
  return text.slice(from, to);
}

const isBlank = (character: string | undefined): boolean => character === ' ' || character === '\t';

const isSingle = (name: string): boolean =>
  name === 'authorization' || name === 'host' || name === 'date' || name.startsWith('x-amz-');

function one(headers: Headers, name: string): string {
  const value = headers.get(name)?.[0];
  if (value === undefined) throw new Refused(`the header ${name} is missing`);
  return value;
}

/** Host and all x-amz-* must be signed. Otherwise a third party could replay the request elsewhere, or with another meaning. */
function signedValues(names: readonly string[], headers: Headers): Map<string, string> {
  const mustSign = ['host', ...[...headers.keys()].filter((name) => name.startsWith('x-amz-'))];
  const isSigned = new Set(names);
  const missing = mustSign.find((name) => !isSigned.has(name));
  if (missing !== undefined) throw new Refused(`the header ${missing} must be among SignedHeaders`);
  return new Map(names.map((name) => [name, valuesOf(headers, name).join(',')]));
}

function valuesOf(headers: Headers, name: string): readonly string[] {
  const values = headers.get(name);
  if (values === undefined) throw new Refused(`the header ${name} is among SignedHeaders but not in the request`);
  return values;
}

/** A character that is not ASCII has lost its bytes on the wire by the time it is part of a string here. */
function checkAscii({ path, query }: SignedHead, signed: ReadonlyMap<string, string>): void {
  const isAscii = (text: string): boolean => /^[\t\x20-\x7e]*$/.test(text);
  if (!isAscii(path) || !isAscii(query)) throw new Refused('the path and the query must be printable ASCII');
  const bad = [...signed].find(([, value]) => !isAscii(value));
  if (bad !== undefined) throw new Refused(`the signed header ${bad[0]} must be printable ASCII`);
}

function checkToken(credentials: Credentials, headers: Headers): void {
  const given = headers.get('x-amz-security-token')?.[0];
  if (credentials.sessionToken === undefined) {
    if (given !== undefined) throw new Refused('x-amz-security-token is given, but these credentials have none');
    return;
  }
  if (given === undefined) throw new Refused('the header x-amz-security-token is missing');
  // Both are hashed first, because timingSafeEqual needs equal lengths, and because the length must stay secret too.
  if (!timingSafeEqual(Buffer.from(sha256Hex(given)), Buffer.from(sha256Hex(credentials.sessionToken))))
    throw new Refused('x-amz-security-token does not belong to these credentials');
}

// --- Authorization

function parseAuthorization(header: string): Authorization {
  const [, list] = /^AWS4-HMAC-SHA256(?: +|$)(.*)$/.exec(header) ?? [];
  if (list === undefined) throw new Refused(`the Authorization header must begin with ${algorithm}`);
  const parameters = parseParameters(list);
  const { accessKeyId, scope } = parseCredential(parameter(parameters, 'Credential'));
  const signature = parameter(parameters, 'Signature');
  if (!/^[0-9a-f]{64}$/.test(signature)) throw new Refused('Signature must be 64 lower-case hexadecimal digits');
  return { accessKeyId, scope, signature, signedHeaders: parseSignedHeaders(parameter(parameters, 'SignedHeaders')) };
}

function parseParameters(list: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const part of list.split(',')) {
    const [, name, value] = /^ *(Credential|SignedHeaders|Signature)=([^\s,]+) *$/.exec(part) ?? [];
    if (name === undefined || value === undefined)
      throw new Refused('the Authorization header must consist of Credential, SignedHeaders and Signature');
    if (parameters.has(name)) throw new Refused(`the Authorization header has ${name} more than once`);
    parameters.set(name, value);
  }
  return parameters;
}

function parameter(parameters: ReadonlyMap<string, string>, name: string): string {
  const value = parameters.get(name);
  if (value === undefined) throw new Refused(`the Authorization header has no ${name}`);
  return value;
}

function parseCredential(credential: string): { accessKeyId: string; scope: Scope } {
  const [, accessKeyId, date, region, service] =
    /^([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request$/.exec(credential) ?? [];
  if (accessKeyId === undefined || date === undefined || region === undefined || service === undefined)
    throw new Refused('Credential must be <access key id>/<yyyymmdd>/<region>/<service>/aws4_request');
  return { accessKeyId, scope: { date, region, service } };
}

function parseSignedHeaders(list: string): string[] {
  const names = list.split(';');
  const inOrder = names.every((name, i) => i === 0 || names[i - 1]! < name);
  if (!inOrder || !names.every((name) => /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)))
    throw new Refused('SignedHeaders must be lower-case names, sorted, each once, with ";" between them');
  return names;
}

// --- time and scope

/** Returns the time in the form of x-amz-date. The Date header counts only if there is no x-amz-date. */
function dateOf(headers: Headers): string {
  const given = headers.get('x-amz-date')?.[0] ?? headers.get('date')?.[0];
  if (given === undefined) throw new Refused('the header x-amz-date is missing');
  if (/^\d{8}T\d{6}Z$/.test(given)) return given;
  const ms = headers.has('x-amz-date') ? Number.NaN : Date.parse(given);
  if (Number.isNaN(ms) || new Date(ms).toUTCString() !== given)
    throw new Refused('x-amz-date must have the form 20261231T235959Z, or Date the form that HTTP prescribes');
  return amzDate(ms);
}

function checkTime(date: string, scope: Scope, { nowMs, maxSkewMs = 300_000 }: VerifyOptions): void {
  const ms = Date.parse(date.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'));
  if (Number.isNaN(ms)) throw new Refused(`${date} is not a time`);
  if (Math.abs(nowMs - ms) > maxSkewMs)
    throw new Refused(
      `the request was signed at ${date}, more than ${maxSkewMs / 1000} s from the server's ${amzDate(nowMs)}`,
    );
  if (!date.startsWith(scope.date))
    throw new Refused(`the credential scope has the date ${scope.date}, but the request was signed at ${date}`);
}

function checkScope(scope: Scope, { region, service }: VerifyOptions): void {
  const expected = scopeText({ date: scope.date, region, service });
  if (scopeText(scope) !== expected)
    throw new Refused(`credential scope: expected ${expected}, got ${scopeText(scope)}`);
}
