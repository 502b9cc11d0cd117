// Bytes from anybody as text that people can read. Invariants: the results are shown as text and never as HTML; a character
// that would reorder or hide its neighbours is shown as its escape; each function is linear in its input.

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** UTF-8, in which bytes that are no UTF-8 become U+FFFD. */
export const textOf = (bytes: Uint8Array): string => decoder.decode(bytes);

export function isText(bytes: Uint8Array): boolean {
  try {
    strict.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/**
 * Controls, marks that change the direction of what follows, and most characters without a width. The joiners stay: scripts and
 * emoji need them.
 */
const deceptive =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for.
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

const escapeOf = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** With the deceptive characters as `\u202e`. */
export const visible = (text: string): string => text.replace(deceptive, escapeOf);

/** The beginning of a key or value, in one line. */
export function preview(bytes: Uint8Array | null, most = 200): string {
  if (bytes === null) return 'null';
  // A character takes at most four bytes, and a cut inside one leaves U+FFFD at the end.
  const text = visible(textOf(bytes.subarray(0, most * 4)).slice(0, most)).replace(/\s+/g, ' ');
  return bytes.length > most * 4 ? `${text}...` : text;
}

/** Lines of 16 bytes: offset, bytes, and their ASCII. */
export function hexOf(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const line = [...bytes.subarray(at, at + 16)];
    const hex = line.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const ascii = line.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${at.toString(16).padStart(8, '0')}  ${hex.padEnd(47)}  ${ascii}`);
  }
  return lines.join('\n');
}

const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/g;

/**
 * JSON with line breaks and indents. Its tokens stay as they were written, so a number of 64 bits keeps its digits. Undefined
 * if the text is no JSON.
 */
export function prettyJson(text: string): string | undefined {
  if (!/^\s*[{[]/.test(text) || !isJson(text)) return undefined;
  const out: string[] = [];
  let depth = 0;
  let before = '';
  const newLine = (): void => void out.push(`\n${'  '.repeat(Math.min(depth, 100))}`);
  for (const [one] of text.matchAll(token)) {
    const closes = one === '}' || one === ']';
    if (closes) depth--;
    const opened = before === '{' || before === '[';
    if ((closes && !opened) || (!closes && opened) || before === ',') newLine();
    out.push(one === ':' ? ': ' : one);
    if (one === '{' || one === '[') depth++;
    before = one;
  }
  return out.join('');
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
