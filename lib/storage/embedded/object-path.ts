// Object keys as paths below one folder: injective, never outside it, and in the order of the keys when walked in the
// order of the names' meaning. A key is cut behind its first '/' only, so that the first two digits of our keys make the
// folders, 256 of them, and a new topic makes none: each would cost a sync. Each part becomes a name:
//
//   the first part         a/...          a+
//   the rest, or all       .../b/c        b,c      (an empty one: %)
//   64 bytes of more       aaa...aaab     aaa...aaa~ then b, so that no name exceeds the file system's 255 bytes
//
// Bytes but a-z 0-9 _ - . become %xx, and so does a leading dot; capitals too, for file systems that fold case.
// `raw` is a key's UTF-8 as a string of one character per byte, which compares as the bytes do.

const PIECE_BYTES = 64;

export type ObjectPath = {
  /** From the outermost inwards. */
  readonly folders: readonly string[];
  readonly name: string;
  /** All raw keys in the innermost folder begin with this. */
  readonly rawFolder: string;
};

/** `raw` is the key, or for a folder what all keys in it begin with. */
export type ObjectName = { readonly raw: string; readonly isFolder: boolean };

export const rawOf = (key: string): string => Buffer.from(key, 'utf8').toString('latin1');
export const keyOfRaw = (raw: string): string => Buffer.from(raw, 'latin1').toString('utf8');

export function objectPath(raw: string): ObjectPath {
  const firstBytes = raw.indexOf('/') + 1;
  const first = firstBytes > 0 ? firstFolders(raw.slice(0, firstBytes - 1)) : [];
  const last = cut(raw.slice(firstBytes));
  return {
    folders: [...first, ...last.pieces],
    name: encode(last.rest) || '%',
    rawFolder: raw.slice(0, raw.length - last.rest.length),
  };
}

function firstFolders(part: string): string[] {
  const { pieces, rest } = cut(part);
  return [...pieces, `${encode(rest)}+`];
}

function cut(part: string): { pieces: string[]; rest: string } {
  const pieces: string[] = [];
  let rest = part;
  for (; rest.length >= PIECE_BYTES; rest = rest.slice(PIECE_BYTES))
    pieces.push(`${encode(rest.slice(0, PIECE_BYTES))}~`);
  return { pieces, rest };
}

/** Returns the raw key of a name in the folder `rawFolder`, or undefined for a file that `objectPath` would not name. */
export function readName(rawFolder: string, name: string): ObjectName | undefined {
  const isFolder = /[+~]$/.test(name);
  const raw = rawFolder + decode(name);
  const path = objectPath(raw);
  return (isFolder ? path.folders.at(-1) : path.name) === name ? { raw, isFolder } : undefined;
}

function encode(raw: string): string {
  const plain = raw.replace(/^\.|[^a-z0-9_./-]/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return plain.replaceAll('/', ',');
}

function decode(name: string): string {
  const plain = name.replace(/[~%]$/, '').replace(/[+,]/g, '/');
  return plain.replace(/%([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
}
