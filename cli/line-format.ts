// The format strings of -f, in kcat's notation: `%t %p %o %k %s %T %h`, with \n, \t and \xNN. `consume` prints a message by
// one, and `produce` reads a line by one.

import { deserializerOf } from '../client/deserializers.ts';
import type { ConsumedMessage, Message, MessageHeader } from '../client/message.ts';
import type { Properties } from './options.ts';

type Token = { readonly field: string } | { readonly text: Buffer };

/** A properties' name is that of --property; the others of its names have no meaning beside -f. */
export const formatStringProperties = [
  'null.literal',
  'key.deserializer',
  'value.deserializer',
  'headers.deserializer',
];

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\' };

/** Throws a sentence that begins with the flag. */
function tokensOf(format: string, fields: string): readonly Token[] {
  const tokens: Token[] = [];
  let literal: Buffer[] = [];
  const endLiteral = (): void => {
    if (literal.length > 0) tokens.push({ text: Buffer.concat(literal) });
    literal = [];
  };
  // Each step takes a %x, an escape, or a run of other characters.
  for (const [piece, field, hex, escaped] of format.matchAll(/%(.?)|\\x([0-9a-fA-F]{2})|\\(.?)|[^%\\]+/gs)) {
    if (field !== undefined && field !== '%') {
      if (field === '' || !fields.includes(field))
        throw new Error(`-f: expected one of %${[...fields].join(' %')} %%, got %${field}`);
      endLiteral();
      tokens.push({ field });
    } else if (hex !== undefined) literal.push(Buffer.from(hex, 'hex'));
    else if (escaped !== undefined) literal.push(Buffer.from(unescaped(escaped)));
    else literal.push(Buffer.from(field ?? piece));
  }
  endLiteral();
  return tokens;
}

function unescaped(letter: string): string {
  const text = escapes[letter];
  if (text !== undefined) return text;
  throw new Error(`-f: expected \\n, \\r, \\t, \\\\ or \\xNN, got \\${letter}`);
}

// --- printing

type Printer = (message: ConsumedMessage) => Buffer | string;

/** @returns a function that prints a message. It adds no newline: the format has one where it is wanted. */
export function formatPrinter(format: string, properties: Properties): (message: ConsumedMessage) => Buffer {
  const printers = printersOf(properties);
  const parts = tokensOf(format, Object.keys(printers).join('')).map(
    (token): Printer => ('text' in token ? () => token.text : printers[token.field]!),
  );
  return (message) => Buffer.concat(parts.map((print) => bytesOf(print(message))));
}

const bytesOf = (printed: Buffer | string): Buffer => (typeof printed === 'string' ? Buffer.from(printed) : printed);

function printersOf(properties: Properties): Readonly<Record<string, Printer>> {
  const none = Buffer.from(properties['null.literal'] ?? '');
  const bytes = (property: string) => {
    const deserialize = deserializerOf(properties[property]);
    return (given: Buffer | null) => (given === null ? none : deserialize(given));
  };
  const [key, value, header] = [bytes('key.deserializer'), bytes('value.deserializer'), bytes('headers.deserializer')];
  return {
    t: ({ topic }) => topic,
    p: ({ partition }) => String(partition),
    o: ({ offset }) => String(offset),
    k: (message) => key(message.key),
    K: (message) => String(message.key?.length ?? -1),
    s: (message) => value(message.value),
    S: (message) => String(message.value?.length ?? -1),
    T: ({ timestamp }) => String(timestamp),
    h: ({ headers }) =>
      Buffer.concat(
        headers.flatMap(({ key: name, value: of }, at) => [Buffer.from(`${at > 0 ? ',' : ''}${name}=`), header(of)]),
      ),
  };
}

// --- reading

/** @returns a function that reads a line. It throws a sentence, and its caller adds the number of the line. */
export function formatParser(format: string): (line: Buffer) => Message {
  const tokens = tokensOf(format, 'kspTh');
  checkReadable(tokens);
  return (line) => {
    const found: Record<string, Buffer> = {};
    let rest = line;
    tokens.forEach((token, at) => {
      if ('text' in token) {
        if (!startsWith(rest, token.text)) throw mismatch(token.text, rest);
        rest = rest.subarray(token.text.length);
        return;
      }
      const next = tokens[at + 1] as { text: Buffer } | undefined;
      const end = next ? rest.indexOf(next.text) : rest.length;
      if (end < 0) throw mismatch(next!.text, rest);
      found[token.field] = rest.subarray(0, end);
      rest = rest.subarray(end);
    });
    if (rest.length > 0) throw new Error(`-f: expected the end of the line, got ${quoted(rest)}`);
    return messageOf(found);
  };
}

/** Two fields need a text between them, because nothing else would say where the first one ends. */
function checkReadable(tokens: readonly Token[]): void {
  const names = tokens.flatMap((token) => ('field' in token ? [token.field] : []));
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new Error(`-f: expected each field once, got %${twice} twice`);
  const touching = tokens.findIndex((token, at) => 'field' in token && tokens[at + 1] && 'field' in tokens[at + 1]!);
  if (touching < 0) return;
  const [one, other] = tokens.slice(touching) as { field: string }[];
  throw new Error(`-f: expected a text between %${one!.field} and %${other!.field}, got none`);
}

const startsWith = (bytes: Buffer, text: Buffer): boolean => bytes.subarray(0, text.length).equals(text);
const quoted = (bytes: Buffer): string => JSON.stringify(bytes.subarray(0, 80).toString());
const mismatch = (expected: Buffer, got: Buffer): Error =>
  new Error(`-f: expected ${quoted(expected)}, got ${got.length === 0 ? 'the end of the line' : quoted(got)}`);

function messageOf({ k, s, p, T, h }: Readonly<Record<string, Buffer>>): Message {
  return {
    key: k ?? null,
    value: s ?? null,
    ...(p && { partition: whole(p, '%p') }),
    ...(T && { timestamp: whole(T, '%T') }),
    ...(h && { headers: headersOf(h) }),
  };
}

function whole(bytes: Buffer, field: string): number {
  const text = bytes.subarray(0, 20).toString();
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new Error(`${field}: expected a whole number from 0 to ${Number.MAX_SAFE_INTEGER}, got ${quoted(bytes)}`);
}

/** `name=value,name=value`. A name without `=` has no value. */
function headersOf(bytes: Buffer): MessageHeader[] {
  if (bytes.length === 0) return [];
  return bytes
    .toString('latin1')
    .split(',')
    .map((pair) => {
      const at = pair.indexOf('=');
      const name = Buffer.from(at < 0 ? pair : pair.slice(0, at), 'latin1').toString();
      return { key: name, value: at < 0 ? null : Buffer.from(pair.slice(at + 1), 'latin1') };
    });
}
