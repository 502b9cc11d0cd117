// Makes one matcher of the filters of a search: text, conditions, and a predicate in a worker, the cheapest first.
import type { Needle } from './needle.ts';
import { startPredicate } from './predicate.ts';
import { recordFilter } from './record-filter.ts';
import type { Matcher } from './scan.ts';
import type { MessageSearch } from './search.ts';

export type OpenMatcher = {
  readonly matcher: Matcher | undefined;
  readonly needle: Needle | undefined;
  readonly end: () => void;
};

/** Rejects with a sentence about the filter that is wrong. */
export async function openMatcher(search: MessageSearch): Promise<OpenMatcher> {
  const { text, where, js } = search;
  if (text === undefined && where === undefined && js === undefined)
    return { matcher: undefined, needle: undefined, end: () => undefined };
  const { isKept, needle } = recordFilter(search);
  if (js === undefined) return { matcher: (rows) => rows.filter(isKept), needle, end: () => undefined };
  const predicate = await startPredicate(js);
  const matcher: Matcher = (rows, signal) => predicate.keep(rows.filter(isKept), signal);
  return { matcher, needle, end: predicate.end };
}
