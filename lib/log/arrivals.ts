// Tells the waiting readers (and writers that wait for a predecessor) of this process that a partition has grown. Only
// a shortcut: what another process appends is found by looking again, so every wait is bounded.
import type { Clock } from '../clock.ts';

export type Arrivals = {
  announce(partition: string): void;
  /** Resolves when one of the partitions grows, after `ms`, or when the signal aborts. */
  wait(partitions: readonly string[], ms: number, signal?: AbortSignal): Promise<void>;
};

export function createArrivals(clock: Clock): Arrivals {
  const waiting = new Map<string, Set<() => void>>();

  function enlist(partition: string, wake: () => void): void {
    const set = waiting.get(partition) ?? new Set();
    waiting.set(partition, set.add(wake));
  }

  function dismiss(partition: string, wake: () => void): void {
    const set = waiting.get(partition);
    set?.delete(wake);
    if (set?.size === 0) waiting.delete(partition);
  }

  return {
    announce(partition) {
      for (const wake of [...(waiting.get(partition) ?? [])]) wake();
    },
    async wait(partitions, ms, signal) {
      if (signal?.aborted) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      for (const partition of partitions) enlist(partition, resolve);
      const leave = () => resolve();
      signal?.addEventListener('abort', leave, { once: true });
      await Promise.race([promise, clock.sleep(ms)]);
      signal?.removeEventListener('abort', leave);
      for (const partition of partitions) dismiss(partition, resolve);
    },
  };
}
