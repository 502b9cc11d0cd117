// Tells the waiting readers (and writers that wait for a predecessor) of this process that a partition has grown. Only
// a shortcut where other processes append too: what they append is found by looking again, so every wait is bounded.
import type { Clock } from '../runtime/clock.ts';
import { createTurns } from '../runtime/concurrency.ts';

export type AppendNotifications = {
  announce(partition: string): void;
  /** Notes from now on which of the partitions grow. */
  watch(partitions: readonly string[]): Watch;
};

export type Watch = {
  /** Resolves when a partition has grown that was not taken yet, after `ms`, or when the signal aborts. */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
  /** Those that have grown since the last time. */
  take(): ReadonlySet<string>;
  close(): void;
};

/** Each that wakes reads and plans. */
const wokenPerTurn = 16;

type Watcher = { grown: Set<string>; wake: () => void };

export function createAppendNotifications(clock: Clock): AppendNotifications {
  const watching = new Map<string, Set<Watcher>>();
  const turn = createTurns(wokenPerTurn);

  function enlist(partition: string, watcher: Watcher): void {
    const set = watching.get(partition) ?? new Set();
    watching.set(partition, set.add(watcher));
  }

  function dismiss(partition: string, watcher: Watcher): void {
    const set = watching.get(partition);
    set?.delete(watcher);
    if (set?.size === 0) watching.delete(partition);
  }

  return {
    announce(partition) {
      const watchers = [...(watching.get(partition) ?? [])];
      for (const { grown } of watchers) grown.add(partition);
      for (const watcher of watchers) turn(() => watcher.wake());
    },
    watch(partitions) {
      const watcher: Watcher = { grown: new Set(), wake: () => undefined };
      for (const partition of partitions) enlist(partition, watcher);
      return {
        wait: (ms, signal) => wait(clock, watcher, ms, signal),
        take() {
          const { grown } = watcher;
          if (grown.size > 0) watcher.grown = new Set();
          return grown;
        },
        close() {
          for (const partition of partitions) dismiss(partition, watcher);
        },
      };
    },
  };
}

async function wait(clock: Clock, watcher: Watcher, ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted || watcher.grown.size > 0) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  watcher.wake = resolve;
  const leave = () => resolve();
  signal?.addEventListener('abort', leave, { once: true });
  await Promise.race([promise, clock.sleep(ms)]);
  signal?.removeEventListener('abort', leave);
}
