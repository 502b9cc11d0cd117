// The workloads that Kafka and Rivulet both get. Each has three phases, and between two of them every delete horizon passes.
// A phase writes values, tombstones, and keys that were deleted before, in batches of every codec.
export type Batch = {
  readonly phase: number;
  readonly codec: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
  /** A value of null is a tombstone. */
  readonly records: readonly { readonly key: string; readonly value: string | null }[];
};

type Shape = { readonly keys: number; readonly batches: number; readonly most: number; readonly tombstones: number };

const shapes: Readonly<Record<string, Shape>> = {
  /** Each key comes again and again, also within a batch. */
  few: { keys: 8, batches: 40, most: 12, tombstones: 0.3 },
  /** Most batches lose some records and keep others. */
  many: { keys: 400, batches: 60, most: 40, tombstones: 0.2 },
  /** Most records are tombstones, and most keys are created again. */
  deleting: { keys: 60, batches: 80, most: 6, tombstones: 0.6 },
};

const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
export const phases = 3;
export const names: readonly string[] = Object.keys(shapes);

export function workload(name: string): Batch[] {
  const { keys, batches, most, tombstones } = shapes[name]!;
  const random = randomFrom(name.length * 7919);
  const below = (count: number) => Math.floor(random() * count);
  return Array.from({ length: batches * phases }, (_, i) => {
    const phase = Math.floor(i / batches);
    // Half of the keys do not come in the next phase, so that tombstones outlive their horizon.
    const key = () => `k${below(keys) + Math.floor((phase * keys) / 2)}`;
    const record = (n: number) => ({ key: key(), value: random() < tombstones ? null : `v${i}.${n}` });
    const records = Array.from({ length: 1 + below(most) }, (_, n) => record(n));
    return { phase, codec: codecs[below(codecs.length)]!, records };
  });
}

/** The keys whose newest record is a tombstone. */
export function deletedKeys(batches: readonly Batch[]): string[] {
  const newest = new Map(batches.flatMap(({ records }) => records.map(({ key, value }) => [key, value])));
  return [...newest].filter(([, value]) => value === null).map(([key]) => key);
}

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 0x7fffffff;
    return state / 0x7fffffff;
  };
}
