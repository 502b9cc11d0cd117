// The walk through the records of a search, as the page sees it: rows, progress, and buttons to go on and to stop.
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { openMatcher } from './matcher.ts';
import { rangesOf } from './ranges.ts';
import type { Row } from './row.ts';
import { type Progress, Scan } from './scan.ts';
import type { MessageSearch } from './search.ts';

export type Walk = {
  readonly rows: readonly Row[];
  readonly progress: Progress | undefined;
  readonly running: boolean;
  /** Offsets that the walk has passed in a second since it last went on; 0 if it did not yet. */
  readonly perSecond: number;
  readonly error: unknown;
};

const pageRows = 200;
const nothing: Walk = { rows: [], progress: undefined, running: false, perSecond: 0, error: undefined };

/** One walk. It tells its listener at most once a frame, however quick the steps are. */
class Walker {
  state: Walk = { ...nothing, running: true };
  readonly #search: MessageSearch;
  readonly #topic: string;
  readonly #listeners = new Set<() => void>();
  #scan: Scan | undefined;
  #end: () => void = () => undefined;
  #stop = new AbortController();
  #frame: number | undefined;
  #ended = false;
  #begun = { ms: 0, scanned: 0 };

  constructor(topic: string, search: MessageSearch) {
    this.#topic = topic;
    this.#search = search;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Walks on until there are 200 rows more. */
  more = async (): Promise<void> => {
    this.#stop.abort();
    const stop = new AbortController();
    this.#stop = stop;
    const wanted = this.state.rows.length + pageRows;
    this.#begun = { ms: performance.now(), scanned: this.#scan?.progress.scanned ?? 0 };
    this.#tell({ running: true, perSecond: 0, error: undefined });
    try {
      this.#scan ??= await this.#open();
      if (!stop.signal.aborted) await this.#scan.run(wanted, stop.signal);
    } catch (error) {
      if (!stop.signal.aborted) this.#tell({ error });
    }
    if (this.#stop === stop) this.#tell({ running: false, ...this.#seen() });
  };

  stop = (): void => this.#stop.abort();

  end = (): void => {
    this.#ended = true;
    this.stop();
    this.#listeners.clear();
    this.#end();
  };

  async #open(): Promise<Scan> {
    const { matcher, needle, end } = await openMatcher(this.#search);
    this.#end = end;
    // The page may have gone on while the worker of a predicate started.
    if (this.#ended) end();
    const ranges = await rangesOf(this.#topic, this.#search);
    const order = this.#search.order === 'oldest' ? 'oldest' : 'newest';
    return new Scan({ topic: this.#topic, order, ranges, matcher, needle, onProgress: () => this.#soon() });
  }

  #seen(): Partial<Walk> {
    if (!this.#scan) return {};
    const { rows, progress } = this.#scan;
    const { ms, scanned } = this.#begun;
    return { rows, progress, perSecond: (progress.scanned - scanned) / ((performance.now() - ms) / 1000) };
  }

  #soon(): void {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined;
      this.#tell(this.#seen());
    });
  }

  #tell(change: Partial<Walk>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.#listeners) listener();
  }
}

/** A new search, or a new value of `round`, begins a new walk. */
export function useScan(topic: string, search: MessageSearch, round: number) {
  const [walker, setWalker] = useState<Walker>();
  const key = JSON.stringify([topic, search, round]);
  const latest = useRef(search);
  latest.current = search;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for the search, whose object is new each time.
  useEffect(() => {
    const made = new Walker(topic, latest.current);
    setWalker(made);
    void made.more();
    return made.end;
  }, [key]);
  const subscribe = useCallback((listener: () => void) => walker?.subscribe(listener) ?? (() => undefined), [walker]);
  const walk = useSyncExternalStore(subscribe, () => walker?.state ?? nothing);
  return { ...walk, more: walker?.more, stop: walker?.stop };
}
