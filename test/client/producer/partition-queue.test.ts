import { expect, test } from 'vitest';
import { isClientError, RivuletClientError } from '../../../client/client-error.ts';
import { toRecord } from '../../../client/message.ts';
import { Delivery } from '../../../client/producer/delivery.ts';
import { type Part, PartitionQueue, type QueueSettings } from '../../../client/producer/partition-queue.ts';
import type { ProducerIds } from '../../../client/producer/producer-ids.ts';
import { decodeBatch } from '../../../lib/record/batch.ts';
import { splitBatches } from '../../../lib/record/batch-header.ts';

const MiB = 1024 * 1024;
const limits = { targetBytes: 1000, maxBytes: 10_000 };
const refused = new RivuletClientError('MESSAGE_TOO_LARGE', 'too large', { outcome: 'not-written' });
const lost = new RivuletClientError('NETWORK_EXCEPTION', 'cut', { outcome: 'unknown', retriable: true });

/** Hands out producer ids 1, 2, and so on: after one is retired, the next follows. */
function counting(): ProducerIds {
  let producerId = 1;
  let current = { producerId, epoch: 0 };
  return {
    current: () => current,
    acquire: async () => {},
    retire: (identity) => {
      if (identity === current) current = { producerId: ++producerId, epoch: 0 };
    },
  };
}

function queueWith(settings: Partial<QueueSettings> = {}) {
  const queue = new PartitionQueue('t', 3, {
    compression: 'none',
    lingerMs: 10,
    deliveryTimeoutMs: 1000,
    maxInFlightPerPartition: 1,
    ids: counting(),
    isTransactional: false,
    ...settings,
  });
  const sent = (value: string, nowMs = 0) => {
    const delivery = new Delivery(1, () => {});
    queue.append(toRecord({ value }, 0, 0), delivery, 0, limits, nowMs);
    const written = delivery.promise.then((results) => {
      for (const result of results) if (isClientError(result)) throw result;
      return results;
    });
    // The test looks at the result later, or not at all.
    written.catch(() => {});
    return written;
  };
  const send = (value: string, nowMs = 0): void => void sent(value, nowMs);
  return { queue, send, sent };
}

const fenced = new RivuletClientError('INVALID_PRODUCER_EPOCH', 'another writes under this id', {
  outcome: 'not-written',
});
const bytesOf = ({ sealed }: Part): Uint8Array => Buffer.concat(sealed);
const sequences = (bytes: Uint8Array) =>
  splitBatches(bytes).map(({ header }) => [header.producerId, header.baseSequence, header.recordCount]);
const values = (bytes: Uint8Array) =>
  splitBatches(bytes).flatMap(({ from }) =>
    decodeBatch(bytes, from).records.map(({ value }) => Buffer.from(value!).toString()),
  );

test('a batch lingers, and is due immediately when it is full or a flush hurries it', () => {
  const { queue, send } = queueWith();
  send('a', 100);
  expect(queue.dueAtMs(false)).toBe(110);
  expect(queue.dueAtMs(true)).toBe(100);
  send('x'.repeat(900), 101);
  send('x'.repeat(900), 102);
  expect(queue.dueAtMs(false)).toBe(100);
});

test('nothing is due while a request of the partition is under way', () => {
  const { queue, send } = queueWith();
  send('a');
  queue.take(0, MiB);
  send('b');
  expect(queue.dueAtMs(true)).toBe(Number.POSITIVE_INFINITY);
  expect(queue.take(0, MiB)).toBeUndefined();
});

test('several batches share one part, with dense sequences', () => {
  const { queue, send } = queueWith();
  for (let i = 0; i < 9; i++) send(`${i}`.repeat(300));
  const part = queue.take(0, MiB)!;
  expect(sequences(bytesOf(part)).map(([, first]) => first)).toEqual([0, 2, 4, 6, 8]);
});

test('a part takes only what fits, and the rest goes next, in order', () => {
  const { queue, send } = queueWith();
  for (let i = 0; i < 4; i++) send(`${i}`.repeat(900));
  const first = queue.take(0, 2100)!;
  queue.written(first, { baseOffset: 0, lastOffset: 1, logAppendTime: -1 });
  const second = queue.take(0, MiB)!;
  expect(sequences(bytesOf(first))).toEqual([
    [1, 0, 1],
    [1, 1, 1],
  ]);
  expect(sequences(bytesOf(second))).toEqual([
    [1, 2, 1],
    [1, 3, 1],
  ]);
});

test('a repeated part has the same bytes, and is sent before anything new', () => {
  const { queue, send } = queueWith({ maxInFlightPerPartition: 2 });
  send('a');
  const part = queue.take(0, MiB)!;
  const before = Buffer.from(bytesOf(part));
  queue.sendAgain(part, lost, 50);
  send('b');
  expect(queue.take(49, MiB)).toBeUndefined();
  expect(queue.take(50, MiB)).toBe(part);
  expect(before.equals(bytesOf(part))).toBe(true);
});

test('no more parts than may be in flight follow an unanswered one, so that its repeat still gets its offset', () => {
  const { queue, send } = queueWith({ maxInFlightPerPartition: 2 });
  send('a');
  const first = queue.take(0, MiB)!;
  send('b');
  const second = queue.take(0, MiB)!;
  queue.written(second, { baseOffset: 1, lastOffset: 1, logAppendTime: -1 });
  send('c');
  expect(queue.take(0, MiB)).toBeUndefined();
  expect(queue.dueAtMs(true)).toBe(Number.POSITIVE_INFINITY);
  queue.written(first, { baseOffset: 0, lastOffset: 0, logAppendTime: -1 });
  expect(values(bytesOf(queue.take(0, MiB)!))).toEqual(['c']);
});

test('each message gets its own offset', async () => {
  const { queue, sent } = queueWith();
  const all = [sent('a'), sent('b'), sent('c'.repeat(950))];
  queue.written(queue.take(0, MiB)!, { baseOffset: 70, lastOffset: 72, logAppendTime: 9 });
  expect((await Promise.all(all)).flat().map(({ offset }) => offset)).toEqual([70, 71, 72]);
  expect((await all[0]!)[0]).toEqual({ topic: 't', partition: 3, offset: 70, timestamp: 9 });
});

test('after a failure the partition begins a new identity at sequence 0, also for batches that were sealed', async () => {
  const { queue, send, sent } = queueWith();
  const failed = sent('a');
  const part = queue.take(0, MiB)!;
  send('b'.repeat(900));
  send('c'.repeat(900));
  queue.fail(part, refused);
  await expect(failed).rejects.toMatchObject({ outcome: 'not-written', partition: 3, topic: 't' });
  expect(sequences(bytesOf(queue.take(0, MiB)!))).toEqual([
    [2, 0, 1],
    [2, 1, 1],
  ]);
});

test('a definite refusal after an unanswered try has an unknown outcome', async () => {
  const { queue, sent } = queueWith();
  const failed = sent('a');
  const part = queue.take(0, MiB)!;
  part.certain = false;
  queue.fail(part, refused);
  await expect(failed).rejects.toMatchObject({ errorCode: 'MESSAGE_TOO_LARGE', outcome: 'unknown' });
});

test('renewed batches are sent again in the old order, under a new identity', () => {
  const { queue, send } = queueWith({ maxInFlightPerPartition: 2 });
  send('a');
  const first = queue.take(0, MiB)!;
  send('b');
  const second = queue.take(0, MiB)!;
  send('c');
  queue.renew(first, fenced, 0);
  // The second part is still in flight under the old identity, and nothing may overtake it.
  expect(queue.take(0, MiB)).toBeUndefined();
  queue.renew(second, fenced, 0);
  const again = queue.take(0, MiB)!;
  expect(values(bytesOf(again))).toEqual(['a', 'b', 'c']);
  expect(sequences(bytesOf(again))).toEqual([
    [2, 0, 1],
    [2, 1, 1],
    [2, 2, 1],
  ]);
});

test('a batch that is too large when encoded fails without using a sequence', async () => {
  const { queue, send, sent } = queueWith();
  const small = sent('a');
  const large = sent('x'.repeat(20_000));
  send('b');
  const part = queue.take(0, MiB)!;
  await expect(large).rejects.toMatchObject({ errorCode: 'MESSAGE_TOO_LARGE', outcome: 'not-written' });
  expect(values(bytesOf(part))).toEqual(['a', 'b']);
  expect(sequences(bytesOf(part))).toEqual([
    [1, 0, 1],
    [1, 1, 1],
  ]);
  queue.written(part, { baseOffset: 0, lastOffset: 1, logAppendTime: -1 });
  expect((await small)[0]?.offset).toBe(0);
});

test('a batch that could not be sent in time fails as not written', async () => {
  const { queue, send, sent } = queueWith();
  const late = sent('a', 0);
  send('b'.repeat(990), 500);
  queue.expire(999);
  expect(queue.expiresAtMs()).toBe(1000);
  queue.expire(1000);
  await expect(late).rejects.toMatchObject({ errorCode: 'REQUEST_TIMED_OUT', outcome: 'not-written' });
  expect(queue.expiresAtMs()).toBe(1500);
});

test('a part that waits to be repeated fails in time, with its last error', async () => {
  const { queue, sent } = queueWith();
  const late = sent('a');
  const part = queue.take(0, MiB)!;
  part.certain = false;
  queue.sendAgain(part, lost, 5000);
  queue.expire(1000);
  await expect(late).rejects.toMatchObject({ errorCode: 'NETWORK_EXCEPTION', outcome: 'unknown' });
  expect(queue.isEmpty).toBe(true);
});

test('without ids a batch names no producer', () => {
  const { queue, send } = queueWith({ ids: undefined });
  send('a');
  expect(sequences(bytesOf(queue.take(0, MiB)!))).toEqual([[-1, -1, 1]]);
});

test('sequences follow the order of the batches, even if many were full before there was an identity', () => {
  let current: { producerId: number; epoch: number } | undefined;
  const { queue, send } = queueWith({ ids: { current: () => current, acquire: async () => {}, retire: () => {} } });
  for (let i = 0; i < 3; i++) send(`${i}`.repeat(900));
  current = { producerId: 1, epoch: 0 };
  for (let i = 3; i < 5; i++) send(`${i}`.repeat(900));
  expect(sequences(bytesOf(queue.take(0, MiB)!)).map(([, first]) => first)).toEqual([0, 1, 2, 3, 4]);
});

test('nothing is sealed ahead while an older part may have to begin the new identity', () => {
  const { queue, send } = queueWith({ maxInFlightPerPartition: 2 });
  send('a'.repeat(900));
  const first = queue.take(0, MiB)!;
  send('b'.repeat(900));
  const second = queue.take(0, MiB)!;
  queue.renew(first, fenced, 0);
  send('c'.repeat(900));
  send('d'.repeat(900));
  queue.renew(second, fenced, 0);
  const again = queue.take(0, MiB)!;
  expect(values(bytesOf(again)).map((value) => value[0])).toEqual(['a', 'b', 'c', 'd']);
  expect(sequences(bytesOf(again)).map(([, sequence]) => sequence)).toEqual([0, 1, 2, 3]);
});

test('a batch that is renewed again waits, so that ids are not requested without a pause', async () => {
  const { queue, sent } = queueWith();
  const written = sent('a');
  queue.renew(queue.take(0, MiB)!, fenced, 50);
  queue.renew(queue.take(0, MiB)!, fenced, 50);
  expect([queue.dueAtMs(true), queue.take(49, MiB)]).toEqual([50, undefined]);
  const third = queue.take(50, MiB)!;
  expect(sequences(bytesOf(third))).toEqual([[3, 0, 1]]);
  queue.renew(third, fenced, 2_000);
  queue.expire(1_000);
  await expect(written).rejects.toMatchObject({ errorCode: 'INVALID_PRODUCER_EPOCH', outcome: 'not-written' });
});
