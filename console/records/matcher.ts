// Makes one matcher of the filters of a search: text, conditions, and a predicate in a worker, the cheapest first.
import { filterOf, parseCondition } from '../../client/conditions.ts';
import { startPredicate } from './predicate.ts';
import type { Row } from './row.ts';
import type { Matcher } from './scan.ts';
import type { MessageSearch } from './search.ts';
import { textOf } from './text.ts';

export type OpenMatcher = { readonly matcher: Matcher | undefined; readonly end: () => void };

/** Rejects with a sentence about the filter that is wrong. */
export async function openMatcher({ text, where, js }: MessageSearch): Promise<OpenMatcher> {
  if (text === undefined && where === undefined && js === undefined)
    return { matcher: undefined, end: () => undefined };
  const conditions = (where ?? '').split('\n').filter((line) => line.trim() !== '');
  const holds = filterOf(conditions.map(parseCondition));
  const isKept = (row: Row): boolean => (text === undefined || hasText(row, text)) && holds(row);
  if (js === undefined) return { matcher: (rows) => rows.filter(isKept), end: () => undefined };
  const predicate = await startPredicate(js);
  const matcher: Matcher = (rows, signal) => predicate.keep(rows.filter(isKept), signal);
  return { matcher, end: predicate.end };
}

const hasText = ({ key, value }: Row, text: string): boolean =>
  (value !== null && textOf(value).includes(text)) || (key !== null && textOf(key).includes(text));
