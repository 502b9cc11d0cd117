// The page of messages keeps these values in its URL, so that a view can be shared. Invariant: whatever a URL holds, this gives
// values that the page can use. A predicate in a URL is somebody else's code: the page shows it, and runs it only when the
// person asks for it.

export type MessageSearch = {
  /** Absent: newest first. */
  readonly order?: 'oldest' | 'tail';
  /** `0,2-4`. Absent: all. */
  readonly partitions?: string;
  /** Where to begin, by offset or by time (epoch milliseconds). Absent: at the end that the order begins with. */
  readonly offset?: number;
  readonly time?: number;
  /** Text in the key or the value. */
  readonly text?: string;
  /** Conditions as `rivulet consume --filter` takes them, one a line. */
  readonly where?: string;
  /** A predicate in JavaScript, over `m`. */
  readonly js?: string;
};

const mostText = 4_000;

const text = (value: unknown): string | undefined => {
  const given = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
  return typeof given === 'string' && given !== '' ? given.slice(0, mostText) : undefined;
};

const whole = (value: unknown): number | undefined =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;

export function messageSearch(given: Record<string, unknown>): MessageSearch {
  const values = {
    order: given.order === 'oldest' || given.order === 'tail' ? given.order : undefined,
    partitions: text(given.partitions),
    offset: whole(given.offset),
    time: whole(given.time),
    text: text(given.text),
    where: text(given.where),
    js: text(given.js),
  };
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

export const isFiltered = ({ text, where, js }: MessageSearch): boolean =>
  text !== undefined || where !== undefined || js !== undefined;

/** Parses `0,2-4`. Returns undefined for anything else. */
export function partitionList(list: string): ReadonlySet<number> | undefined {
  const numbers = new Set<number>();
  for (const part of list.split(',')) {
    const [, from, to = from] = /^\s*(\d{1,5})(?:-(\d{1,5}))?\s*$/.exec(part) ?? [];
    if (from === undefined || Number(to) > 9_999) return undefined;
    for (let number = Number(from); number <= Number(to); number++) numbers.add(number);
  }
  return numbers;
}

export type ProduceSearch = {
  /** The record that the form begins with: `partition:offset`. */
  readonly from?: string;
};

export const produceSearch = ({ from }: Record<string, unknown>): ProduceSearch =>
  typeof from === 'string' && /^\d{1,5}:\d{1,16}$/.test(from) ? { from } : {};
