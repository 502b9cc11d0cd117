// The administration sends its requests through these calls. They repeat a request while its failure is retriable.
import type { Clock } from '../../lib/runtime/clock.ts';
import type { RivuletClientError } from '../client-error.ts';
import type { Call, Connection } from '../transport/connection.ts';
import { paths } from '../transport/paths.ts';
import { type RetryPolicy, retrying } from '../transport/retry.ts';

export type AdminCalls = Pick<Connection, 'ask' | 'exchange'> & {
  read<T>(path: string, query?: NonNullable<Call['query']>): Promise<T>;
  /** `operation` receives the error of an earlier try: see transport/retry.ts. */
  retrying<T>(operation: (before: RivuletClientError | undefined) => Promise<T>): Promise<T>;
};

export function adminCalls(connection: Connection, clock: Clock, retry: RetryPolicy): AdminCalls {
  const again: AdminCalls['retrying'] = (operation) => retrying(clock, retry, operation);
  return {
    ask: (call) => connection.ask(call),
    exchange: (call) => connection.exchange(call),
    read: (path, query = {}) => again(() => connection.ask({ method: 'GET', path, query, writes: false })),
    retrying: again,
  };
}

export async function allPartitions(calls: AdminCalls, topic: string): Promise<number[]> {
  const { partitions } = await calls.read<{ partitions: number }>(paths.topic(topic), { partitionsLimit: 1 });
  return Array.from({ length: partitions }, (_, partition) => partition);
}
