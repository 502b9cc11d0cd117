// Object keys as paths below one folder: injective, never outside it, and in the order of the keys when walked in the
// order of the names' meaning. A key is cut at each '/'; each part becomes a name:
//
//   part of a folder       a/...          a+
//   the last part          .../a          a        (an empty one: %)
//   64 bytes of more       aaa...aaab     aaa...aaa~ then b, so that no name exceeds the file system's 255 bytes
//
// Bytes but a-z 0-9 _ - . become %xx, and so does a leading dot; capitals too, for file systems that fold case.
// `raw` is a key's UTF-8 as a string of one character per byte, which compares as the bytes do.

const PIECE_BYTES = 64;

export type ObjectPath = {
  /** From the outermost inwards. */
  readonly folders: readonly string[];
  readonly name: string;
  /** What all raw keys in the innermost folder begin with. */
  readonly rawFolder: string;
};

/** `raw` is the name's share of the key; that of a folder ends with its '/', if it stands for one. */
export type ObjectName = { readonly raw: string; readonly isFolder: boolean };

export const rawOf = (key: string): string => Buffer.from(key, 'utf8').toString('latin1');
export const keyOfRaw = (raw: string): string => Buffer.from(raw, 'latin1').toString('utf8');

export function objectPath(raw: string): ObjectPath {
  const parts = raw.split('/').map(cut);
  const last = parts.pop()!;
  const folders = parts.flatMap(({ pieces, rest }) => [...pieces, `${encode(rest)}+`]);
  return {
    folders: [...folders, ...last.pieces],
    name: encode(last.rest) || '%',
    rawFolder: raw.slice(0, raw.length - last.rest.length),
  };
}

function cut(part: string): { pieces: string[]; rest: string } {
  const pieces: string[] = [];
  let rest = part;
  for (; rest.length >= PIECE_BYTES; rest = rest.slice(PIECE_BYTES))
    pieces.push(`${encode(rest.slice(0, PIECE_BYTES))}~`);
  return { pieces, rest };
}

/** Undefined for a name that `objectPath` does not give: somebody else's file. */
export function readName(name: string): ObjectName | undefined {
  if (name === '%') return { raw: '', isFolder: false };
  const mark = name.at(-1);
  const isFolder = mark === '+' || mark === '~';
  const encoded = isFolder ? name.slice(0, -1) : name;
  const raw = encoded.replace(/%([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  if (encode(raw) !== encoded || (mark === '~') !== (raw.length === PIECE_BYTES)) return undefined;
  return { raw: mark === '+' ? `${raw}/` : raw, isFolder };
}

function encode(raw: string): string {
  return raw.replace(/^\.|[^a-z0-9_.-]/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
