// A story is told step by step on this stage. It has two stores, a clock that jumps instead of waiting, engines whose
// requests can be held back, and the history of the answers to the one client.
import type { Engine } from '../../../../lib/api/engine.ts';
import type { RivuletError } from '../../../../lib/api/errors.ts';
import { encodeBatch } from '../../../../lib/record/batch.ts';
import { createMemoryObjectStore } from '../../../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../../../lib/storage/memory/memory-table.ts';
import type { ObjectStore } from '../../../../lib/storage/object-store.ts';
import type { Table } from '../../../../lib/storage/table.ts';
import { createTestClock } from '../../../log/world.ts';
import { type Lib, realLib } from '../../core/lib-under-test.ts';
import type { Call } from '../../core/through.ts';
import { recordsOf } from '../clients.ts';
import { type History, newHistory, type Send } from '../history.ts';

export const topic = 't';

export type Stage = Awaited<ReturnType<typeof openStage>>;
type Told = Send['tries'][number];

export type Batch = {
  readonly values: readonly string[];
  readonly producerId?: number;
  readonly sequence?: number;
  readonly partition?: number;
  /** Set this to send the values as records with an Idempotency-Key. */
  readonly key?: string;
};

export async function openStage(lib: Lib) {
  const clock = createTestClock();
  const objects = createMemoryObjectStore({ clock });
  const table = createMemoryTable();
  const history = newHistory();
  const engineOver = (over: Table, put: ObjectStore['putOnce'] = objects.putOnce): Engine =>
    lib.createEngine({ objects: { ...objects, putOnce: put }, table: over, clock });
  const real = realLib.createEngine({ objects, table, clock });
  const { topicId } = await real.createTopic({ topic });
  const sends = new Map<string, Send>();

  /**
   * Appends a run of one or more batches, and records the answer. The same first value is the same send, tried again.
   */
  async function send(engine: Engine, ...batches: readonly Batch[]): Promise<Told> {
    const values = batches.flatMap((batch) => batch.values);
    const name = values[0]!;
    const idempotent = batches[0]!.producerId !== undefined || batches[0]!.key !== undefined;
    const nowMs = clock.now();
    const fresh: Send = {
      client: `c${sends.size}`,
      order: 0,
      partition: batches[0]!.partition ?? 0,
      values,
      idempotent,
      begunMs: nowMs,
      triedMs: [],
      tries: [],
      endedMs: nowMs,
    };
    const noted = sends.get(name) ?? fresh;
    if (noted === fresh) history.sends.push(fresh);
    sends.set(name, noted);
    noted.triedMs!.push(clock.now());
    const told = await append(engine, batches);
    noted.tries.push(told);
    noted.endedMs = clock.now();
    return told;
  }

  async function append(engine: Engine, batches: readonly Batch[]): Promise<Told> {
    const { key, values } = batches[0]!;
    if (key !== undefined) return appendByKey(engine, key, values);
    const part = { partition: batches[0]!.partition ?? 0, batches: Buffer.concat(batches.map(encoded)) };
    try {
      const answer = (await engine.append({ topic, partitions: [part] })).partitions[0]!;
      return 'error' in answer ? answer.error.outcome! : answer.baseOffset;
    } catch (error) {
      return (error as RivuletError).outcome!;
    }
  }

  async function appendByKey(engine: Engine, idempotencyKey: string, values: readonly string[]): Promise<Told> {
    const records = values.map((value) => ({ key: null, value: new TextEncoder().encode(value), headers: [] }));
    const answer = (await engine.appendRecords({ topic, idempotencyKey, records })).records[0]!;
    return 'error' in answer ? answer.error.outcome! : answer.offset;
  }

  const encoded = ({ values, producerId, sequence }: Batch) =>
    encodeBatch(
      values.map((value) => ({
        key: null,
        value: new TextEncoder().encode(value),
        headers: [],
        timestampMs: Math.floor(clock.now()),
      })),
      producerId === undefined ? {} : { producerId, producerEpoch: 0, baseSequence: sequence! },
    );

  /** Appends by clients without an id, which make the tail spill about every 25 appends. */
  async function crowd(engine: Engine, count: number): Promise<void> {
    for (let i = 0; i < count; i++) await send(engine, { values: [`crowd${sends.size}`] });
  }

  /** Reads once. It records the last offset that it read as the end, because a broken index may hold nothing there. */
  async function poll(engine: Engine, offset: number, begunMs = clock.now()): Promise<void> {
    const request = { topic, partitions: [{ partition: 0, offset }] };
    const answer = (await engine.fetch(request).catch(() => undefined))?.partitions[0];
    if (!answer || 'error' in answer) return;
    const records = recordsOf(answer).filter((record) => record.offset >= offset);
    const next = offset + records.length;
    const client = `r${history.polls.length}`;
    history.polls.push({ client, partition: 0, offset, begunMs, highWatermark: next, records });
  }

  /** The history, with the log as far as it can be read in the end. */
  async function close(): Promise<History> {
    const log: { offset: number; value: string }[] = [];
    for (;;) {
      const offset = log.length;
      const request = { topic, partitions: [{ partition: 0, offset }] };
      const answer = (await real.fetch(request).catch(() => undefined))?.partitions[0];
      if (!answer || 'error' in answer) break;
      const records = recordsOf(answer).filter((record) => record.offset >= offset);
      if (records.length === 0) break;
      log.push(...records);
    }
    if (history.deletedMs === undefined) history.finalLog.set(0, log);
    return history;
  }

  const producer = async () => (await real.newProducer()).producerId;
  return { history, clock, objects, table, topicId, real, engineOver, send, crowd, poll, close, producer };
}

export const isTrim = (call: Call) => call.kind === 'update' && call.update.trim !== undefined;
export const isAppend = (call: Call) => call.kind === 'update' && call.update.append !== undefined;
