// The stage of a small world is the content of the stores before the story begins. The engine writes it once, without
// faults, and each case gets a copy of it.

import type { Engine } from '../../../../lib/api/engine.ts';
import { createEngine } from '../../../../lib/engine.ts';
import { carriedOverMark } from '../../../../lib/log/spill.ts';
import { decodeEntry, type Entry, encodeEntry } from '../../../../lib/partition/entry.ts';
import { type Head, parseHead, type TailEntry } from '../../../../lib/partition/head.ts';
import { encodeBatch } from '../../../../lib/record/batch.ts';
import type { Clock } from '../../../../lib/runtime/clock.ts';
import { headKey } from '../../../../lib/storage/keys.ts';
import { createMemoryObjectStore } from '../../../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../../../lib/storage/memory/memory-table.ts';
import type { ObjectStore } from '../../../../lib/storage/object-store.ts';
import type { Item, Key, Table } from '../../../../lib/storage/table.ts';
import { createRandom } from '../../core/random.ts';
import { keyOf, through, writesOf } from '../../core/through.ts';
import { simulatedTopic } from '../clients.ts';
import type { Send } from '../history.ts';

/** The time at which the story begins. */
export const startMs = Date.UTC(2026, 0, 1);
const preparedMs = startMs - 60_000;

export type Stores = { readonly objects: ObjectStore; readonly table: Table };

export type Identity = { readonly producerId: number; readonly producerEpoch: number; readonly baseSequence: number };

export type Prepared = {
  readonly items: readonly Item[];
  readonly objects: readonly { readonly key: string; readonly bytes: Uint8Array }[];
  /** The sends of clients before the story, with their answers. */
  readonly sends: readonly Send[];
};

export type Stage = Stores & {
  readonly engine: Engine;
  readonly topicId: string;
  readonly sends: Send[];
  readonly atMs: number;
};

/** A new topic, and a way to fill it. `keys` collects the keys of all items. */
export async function openStage(partitions: number): Promise<{ stage: Stage; prepared: () => Promise<Prepared> }> {
  const keys = new Map<string, Key>();
  const objects = createMemoryObjectStore({ clock: { now: () => preparedMs } });
  const table = notingKeys(createMemoryTable(), keys);
  const engine = createEngine({ objects, table, clock: stillClock(preparedMs, 1) });
  const { topicId } = await engine.createTopic({ topic: simulatedTopic, partitions });
  const stage: Stage = { engine, objects, table, topicId, sends: [], atMs: preparedMs };
  const prepared = async () => ({
    items: (await Promise.all([...keys.values()].map((key) => table.get(key)))).filter((item) => item !== undefined),
    objects: await copiesOf(objects),
    sends: stage.sends,
  });
  return { stage, prepared };
}

const notingKeys = (table: Table, keys: Map<string, Key>): Table =>
  through(table, (call, act) => {
    for (const { pk, sk } of writesOf(call).map(keyOf)) keys.set(`${pk} ${sk}`, { pk, sk });
    return act();
  });

async function copiesOf(objects: ObjectStore) {
  const { objects: infos } = await objects.list({});
  return Promise.all(infos.map(async ({ key }) => ({ key, bytes: (await objects.get(key))! })));
}

/** New stores with the prepared content. */
export async function restore(prepared: Prepared, now: () => number): Promise<Stores> {
  const objects = createMemoryObjectStore({ clock: { now } });
  const table = createMemoryTable({ clock: { now } });
  for (const { key, bytes } of prepared.objects) await objects.putOnce(key, [bytes]);
  for (const item of prepared.items) await table.write({ kind: 'put', item });
  return { objects, table };
}

/** Time stands still, sleeping takes no time, and random numbers are a fixed sequence. */
export function stillClock(nowMs: number, seed: number): Clock {
  const random = createRandom(seed);
  return {
    now: () => nowMs,
    monotonic: () => nowMs,
    sleep: async () => {},
    random: random.next,
    randomBytes: (count) => Uint8Array.from({ length: count }, () => random.below(256)),
  };
}

export const valuesOf = (client: string, partition: number, order: number, records: number): string[] =>
  Array.from({ length: records }, (_, i) => `${client}/${partition}/${order}.${i}`);

type Keyed = Pick<Send, 'keys' | 'tombstones'>;

/** All records of a keyed batch have one key. */
export const keyedBy = (
  values: readonly string[],
  { key, isTombstone }: { key?: string; isTombstone?: boolean },
): Keyed => ({
  ...(key !== undefined && { keys: values.map(() => key) }),
  ...(isTombstone && { tombstones: values }),
});

export function batchOf(
  values: readonly string[],
  timestampMs: number,
  identity: Identity | undefined,
  { keys, tombstones }: Keyed = {},
): Uint8Array {
  const text = (value: string) => new TextEncoder().encode(value);
  const records = values.map((value, i) => {
    const key = keys ? text(keys[i]!) : null;
    const isTombstone = tombstones?.includes(value) ?? false;
    const headers = isTombstone ? [{ key: 'name', value: text(value) }] : [];
    return { key, value: isTombstone ? null : text(value), headers, timestampMs };
  });
  return encodeBatch(records, identity ?? {});
}

/** Makes a write that is acknowledged immediately. The earlier sends of a client number its batches. */
export async function wrote(
  stage: Stage,
  client: string,
  options: { identity?: Identity; records?: number; engine?: Engine; key?: string; isTombstone?: boolean } = {},
): Promise<Send> {
  const order = stage.sends.filter((send) => send.client === client).length;
  const values = valuesOf(client, 0, order, options.records ?? 1);
  const keyed = keyedBy(values, options);
  const batches = batchOf(values, stage.atMs, options.identity, keyed);
  const engine = options.engine ?? stage.engine;
  const { partitions } = await engine.append({ topic: simulatedTopic, partitions: [{ partition: 0, batches }] });
  const [answer] = partitions;
  if (!answer || 'error' in answer) throw answer?.error ?? new Error('no answer');
  const send: Send = {
    client,
    order,
    partition: 0,
    values,
    ...keyed,
    idempotent: options.identity !== undefined,
    begunMs: stage.atMs,
    tries: [answer.baseOffset],
    endedMs: stage.atMs,
  };
  stage.sends.push(send);
  return send;
}

/** The same stage, so much earlier. */
export const earlier = (stage: Stage, ms: number): Stage => {
  const { objects, table } = stage;
  const atMs = startMs - ms;
  return { ...stage, atMs, engine: createEngine({ objects, table, clock: stillClock(atMs, ms) }) };
};

export async function newProducer(stage: Stage): Promise<Identity> {
  const { producerId, epoch } = await stage.engine.newProducer();
  return { producerId, producerEpoch: epoch, baseSequence: 0 };
}

export const after = (identity: Identity, records: number): Identity => ({
  ...identity,
  baseSequence: (identity.baseSequence + records) % 2 ** 31,
});

export async function headOf(stage: Stores & { readonly topicId: string }): Promise<Head> {
  return parseHead((await stage.table.get(headKey(stage.topicId, 0)))!);
}

/**
 * Appends by producers of one batch each, then by writers without an id, until the next append of either kind spills
 * (or the next `short` appends do).
 */
export async function fillToMark(stage: Stage, engine: Engine = stage.engine, short = 1): Promise<void> {
  const spillsWith = async (producer: Entry['producer']) => {
    const { tail } = await headOf(stage);
    const more = Array.from({ length: short }, () => tailEntry(producer));
    return more.some((_, i) => carriedOverMark([...tail, ...more.slice(0, i + 1)]));
  };
  while (!(await spillsWith({ id: 2 ** 14, epoch: 0, firstSequence: 0 }))) {
    await wrote(stage, `filler${stage.sends.length}`, { identity: await newProducer(stage), engine });
  }
  while (!(await spillsWith(undefined))) await wrote(stage, `filler${stage.sends.length}`, { engine });
}

function tailEntry(producer: Entry['producer']): TailEntry {
  const raw = encodeEntry({
    segmentEpoch: 0,
    segmentRandom: new Uint8Array(8),
    position: 8,
    lengthBytes: 80,
    recordCount: 1,
    maxTimestampMs: 0,
    ...(producer && { producer }),
  });
  return { raw, entry: decodeEntry(raw).entry, baseOffset: 0 };
}
