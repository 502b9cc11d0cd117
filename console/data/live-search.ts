// A live page keeps in its URL how often it looks, and which of its names it shows.
// Invariant: whatever a URL holds, this gives values that the page can use.

/** Seconds; 0 looks only when the person asks. */
export const intervals = [1, 3, 10, 60, 0] as const;
const usual = 3;

export type LiveSearch = {
  /** Absent: 3 seconds. */
  readonly every?: number;
  /** A part of a name. */
  readonly text?: string;
};

const mostText = 249;

/** The router makes a number of a text that looks like one. */
export function liveSearch({ every, text }: Record<string, unknown>): LiveSearch {
  const given = typeof text === 'number' ? String(text) : text;
  return {
    ...(intervals.some((one) => one === every) && every !== usual && { every: every as number }),
    ...(typeof given === 'string' && given !== '' && { text: given.slice(0, mostText) }),
  };
}

export const everyOf = ({ every = usual }: LiveSearch): number => every;

/** The option of a query. */
export function liveOf(search: LiveSearch): { everyMs?: number } {
  const seconds = everyOf(search);
  return seconds > 0 ? { everyMs: seconds * 1_000 } : {};
}
