// This file keeps the idempotent producer's identity. One identity is current and serves every partition. A partition in
// which a batch failed leaves the identity for ever (partition-queue.ts), and then no other partition begins with it.
// Invariant: a partition never begins twice with the same identity, so sequence 0 is always its first.
import type { Clock } from '../../lib/runtime/clock.ts';
import type { Connection } from '../transport/connection.ts';
import { paths } from '../transport/paths.ts';
import { type RetryPolicy, retrying } from '../transport/retry.ts';

export type ProducerIdentity = { readonly producerId: number; readonly epoch: number };

export type ProducerIds = {
  current(): ProducerIdentity | undefined;
  /** Makes sure that there is a current identity. Concurrent callers share one request. Throws RivuletClientError. */
  acquire(): Promise<void>;
  retire(identity: ProducerIdentity): void;
};

export function createProducerIds(connection: Connection, clock: Clock, retry: RetryPolicy): ProducerIds {
  let current: ProducerIdentity | undefined;
  let asking: Promise<void> | undefined;

  async function ask(): Promise<void> {
    // The call does not count as a write, because an unused id costs nothing.
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
