// The idempotent producer's identity. One is current and serves every partition; a partition in which something failed
// leaves it for ever (partition-queue.ts), and then nobody new begins with it either.
// Invariant: a partition never begins twice with the same identity, so sequence 0 is always its first.
import type { Clock } from '../../lib/runtime/clock.ts';
import type { Connection } from '../transport/connection.ts';
import { paths } from '../transport/paths.ts';
import { type RetryPolicy, retrying } from '../transport/retry.ts';

export type ProducerIdentity = { readonly producerId: number; readonly epoch: number };

export type ProducerIds = {
  current(): ProducerIdentity | undefined;
  /** Makes sure that there is a current one. Callers at the same time share one request. Throws RivuletClientError. */
  acquire(): Promise<void>;
  retire(identity: ProducerIdentity): void;
};

export function createProducerIds(connection: Connection, clock: Clock, retry: RetryPolicy): ProducerIds {
  let current: ProducerIdentity | undefined;
  let asking: Promise<void> | undefined;

  async function ask(): Promise<void> {
    // Not a write that matters: an id that nobody uses costs nothing.
    const call = { method: 'POST', path: paths.producers, writes: false } as const;
    try {
      current = await retrying(clock, retry, () => connection.ask<ProducerIdentity>(call));
    } finally {
      asking = undefined;
    }
  }

  return {
    current: () => current,
    acquire: async () => {
      if (current) return;
      asking ??= ask();
      await asking;
    },
    retire: (identity) => {
      if (current === identity) current = undefined;
    },
  };
}
