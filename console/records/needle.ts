// A text that each record has to hold in its key or its value to be found. A search passes over the records without it before
// their texts are made and judged, which takes most of the time: most of what a search walks through is not what it looks for.
//
// Invariant: no record is passed over that the filters would keep. They still judge those that hold the text.
import type { Condition } from '../../client/conditions.ts';

/** The bytes of the text in UTF-8, as characters of one byte each. */
export type Needle = string;

/** It makes another character of each byte, so bytes can be looked for with String.indexOf, which is the quickest way in a browser. */
const oneByte = new TextDecoder('latin1');

/** Other fields than key and value have no bytes of their own: JSON may escape what a condition names. */
const isLiteral = ({ field, operator }: Condition): boolean =>
  (field === 'key' || field === 'value') && (operator === '=' || operator === '~');

/** Bytes that are no UTF-8 are shown as U+FFFD, so that one is not found by its own bytes. */
const isFindable = (text: string): boolean => text !== '' && text.isWellFormed() && !text.includes('\ufffd');

/** Takes the longest of the texts. Undefined if the filters name none. */
export function needleOf(text: string | undefined, conditions: readonly Condition[]): Needle | undefined {
  const texts = [text ?? '', ...conditions.filter(isLiteral).map((condition) => condition.text)].filter(isFindable);
  const [longest] = texts.sort((a, b) => b.length - a.length);
  return longest === undefined ? undefined : oneByte.decode(new TextEncoder().encode(longest));
}

/** Returns a function that says whether the needle is in the bytes [from, to). It is asked in growing order. */
export function placesOf(needle: Needle, bytes: Uint8Array): (from: number, to: number) => boolean {
  const text = oneByte.decode(bytes);
  let place = text.indexOf(needle);
  return (from, to) => {
    if (place >= 0 && place < from) place = text.indexOf(needle, from);
    return place >= 0 && place + needle.length <= to;
  };
}
