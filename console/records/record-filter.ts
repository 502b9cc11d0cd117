// The filters of a search that run in the page itself: text and conditions.
import { filterOf, parseCondition } from '../../client/conditions.ts';
import { type Needle, needleOf } from './needle.ts';
import type { Row } from './row.ts';
import type { MessageSearch } from './search.ts';
import { textOf } from './text.ts';

export type RecordFilter = { readonly isKept: (row: Row) => boolean; readonly needle: Needle | undefined };

/** Throws an Error with a sentence about the condition that is wrong. */
export function recordFilter({ text, where = '' }: MessageSearch): RecordFilter {
  const conditions = where
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(parseCondition);
  const holds = filterOf(conditions);
  const isKept = (row: Row): boolean => (text === undefined || hasText(row, text)) && holds(row);
  return { isKept, needle: needleOf(text, conditions) };
}

const hasText = ({ key, value }: Row, text: string): boolean =>
  (value !== null && textOf(value).includes(text)) || (key !== null && textOf(key).includes(text));
