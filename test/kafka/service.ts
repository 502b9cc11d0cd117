// The Kafka listener over the embedded backend, in a directory of its own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { afterAll } from 'vitest';
import { type KafkaOptions, startKafka } from '../../kafka/main.ts';
import type { Engine } from '../../lib/api/engine.ts';
import { encodeBatch } from '../../lib/record/batch.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { openBackend } from '../../local/backend.ts';
import { openWire, type Wire } from './wire.ts';

export type Service = {
  readonly engine: Engine;
  readonly port: number;
  /** Why connections were closed. */
  readonly failures: string[];
  connect(tls?: ConnectionOptions): Promise<Wire>;
  close(): Promise<void>;
};

const ends: (() => Promise<void>)[] = [];

/** A service takes some tenths of a second to open: the tests of a file may share one. */
afterAll(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

type Options = Partial<KafkaOptions> & { readonly wrap?: (engine: Engine) => Engine };

export async function startService({ wrap = (engine) => engine, ...options }: Options = {}): Promise<Service> {
  const directory = mkdtempSync(join(tmpdir(), 'rivulet-kafka-'));
  const backend = openBackend({ directory: join(directory, 'data') });
  const failures: string[] = [];
  const server = await startKafka({
    engine: wrap(backend.engine),
    clusterId: await backend.clusterId(),
    clock: systemClock,
    onError: (error) => failures.push(error instanceof Error ? error.message : String(error)),
    ...options,
  });
  const wires: Wire[] = [];
  const close = async () => {
    for (const wire of wires.splice(0)) wire.close();
    await server.close();
  };
  ends.push(async () => {
    await close();
    backend.close();
    rmSync(directory, { recursive: true });
  });
  const connect = async (tls?: ConnectionOptions) => {
    const wire = await openWire(server.port, tls);
    wires.push(wire);
    return wire;
  };
  return { engine: backend.engine, port: server.port, failures, connect, close: () => server.close() };
}

const bytes = (text: string) => new TextEncoder().encode(text);

/** One batch of records with these values. */
export const batchOf = (
  values: readonly string[],
  options: Parameters<typeof encodeBatch>[1] & { timeMs?: number } = {},
) =>
  encodeBatch(
    values.map((value) => ({ key: null, value: bytes(value), headers: [], timestampMs: options.timeMs ?? Date.now() })),
    options,
  );

export const produceMessage = (topic: string, partitions: Readonly<Record<number, Uint8Array>>, acks = -1) => ({
  transactionalId: null,
  acks,
  timeoutMs: 30_000,
  topicData: [
    {
      name: topic,
      partitionData: Object.entries(partitions).map(([index, records]) => ({ index: Number(index), records })),
    },
  ],
});

type FetchTarget = { readonly partition?: number; readonly offset?: number; readonly maxBytes?: number };

/** A topic is named by its name up to version 12, and by its id later: give both. */
export const fetchTopic = (topic: { topic: string; topicId: string }, ...targets: FetchTarget[]) => ({
  ...{ topic: topic.topic, topicId: topic.topicId },
  partitions: (targets.length > 0 ? targets : [{}]).map(({ partition = 0, offset = 0, maxBytes = 1_000_000 }) => ({
    ...{ partition, fetchOffset: offset, partitionMaxBytes: maxBytes },
  })),
});

export const fetchMessage = (topics: readonly object[], terms: object = {}) => ({
  ...{ maxWaitMs: 0, minBytes: 1, maxBytes: 1_000_000, topics },
  ...terms,
});
