// Append notifications wake the waiting readers of this process, and its writers that wait for a predecessor, when a
// partition has grown. They are only a shortcut if other processes append too. A waiter finds the appends of those processes
// when it looks again, so every wait is bounded.
import type { Clock } from '../runtime/clock.ts';
import { createTurns } from '../runtime/concurrency.ts';

export type AppendNotifications = {
  /** Tells that a partition has grown, or begins at a later offset. */
  announce(partition: string): void;
  /** Returns a watch that notes from now on which of the partitions grow. */
  watch(partitions: readonly string[]): Watch;
};

export type Watch = {
  /** Resolves when a partition has grown that was not taken yet, after `ms`, or when the signal aborts, whichever is first. */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
  /** Returns the partitions that have grown since the last call. */
  take(): ReadonlySet<string>;
  close(): void;
};

/** This limits the watchers woken per turn, because each of them then reads and plans. */
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
