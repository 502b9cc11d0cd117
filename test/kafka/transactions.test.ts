// Transactions over the wire, request by request: what a client keeps across transactions, what a repeat is told, and the
// errors by which clients decide how to go on.
import { beforeAll, describe, expect, test } from 'vitest';
import { startKafka } from '../../kafka/main.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { readAll, valuesOf } from '../log/world.ts';
import { batchOf, produceMessage, type Service, startService } from './service.ts';
import { key, openWire, type Wire } from './wire.ts';

const topic = 'orders';
let service: Service;
let wire: Wire;

beforeAll(async () => {
  service = await startService();
  await service.engine.createTopic({ topic, partitions: 2 });
  wire = await service.connect();
});

const log = async (partition: number) => valuesOf(await readAll(service.engine, partition, 0, topic));

type Ref = { readonly transactionalId: string; readonly producerId: number; readonly producerEpoch: number };

async function init(transactionalId: string, more: object = {}, on = wire): Promise<Ref & { errorCode: number }> {
  const { errorCode, producerId, producerEpoch } = await on.ask(key.initProducerId, 4, {
    ...{ transactionalId, transactionTimeoutMs: 60_000, producerId: -1, producerEpoch: -1, ...more },
  });
  return { transactionalId, producerId, producerEpoch, errorCode };
}

async function open(ref: Ref, on = wire, version = 3): Promise<number> {
  const reply = await on.ask(key.addPartitionsToTxn, version, {
    v3AndBelowTransactionalId: ref.transactionalId,
    v3AndBelowProducerId: ref.producerId,
    v3AndBelowProducerEpoch: ref.producerEpoch,
    v3AndBelowTopics: [{ name: topic, partitions: [0] }],
  });
  return reply.resultsByTopicV3AndBelow[0].resultsByPartition[0].partitionErrorCode;
}

async function stage(ref: Ref, sequence: number, value: string, on = wire): Promise<{ code: number; offset: number }> {
  const { producerId, producerEpoch, transactionalId } = ref;
  const batch = batchOf([value], { producerId, producerEpoch, baseSequence: sequence, isTransactional: true });
  const reply = await on.ask(key.produce, 11, { ...produceMessage(topic, { 0: batch }), transactionalId });
  const { errorCode, baseOffset } = reply.responses[0].partitionResponses[0];
  return { code: errorCode, offset: baseOffset };
}

const end = async (ref: Ref, committed: boolean, on = wire, version = 3): Promise<number> =>
  (await on.ask(key.endTxn, version, { ...ref, committed })).errorCode;

async function openAndStage(ref: Ref, sequence: number, value: string): Promise<void> {
  expect(await open(ref)).toBe(0);
  expect(await stage(ref, sequence, value)).toEqual({ code: 0, offset: -1 });
}

describe('one instance', () => {
  test('keeps its epoch, and its sequences go on after a commit and after an abort', async () => {
    const ref = await init('goes on');
    await openAndStage(ref, 0, 'on 0');
    expect(await end(ref, true)).toBe(0);
    await openAndStage(ref, 1, 'on 1');
    expect(await end(ref, false)).toBe(0);
    await openAndStage(ref, 2, 'on 2');
    // A batch that is sent again, also one of an earlier transaction, is staged once.
    expect((await stage(ref, 2, 'on 2')).code).toBe(0);
    expect((await stage(ref, 0, 'on 0')).code).toBe(0);
    expect(await end(ref, true)).toBe(0);
    expect((await log(0)).filter((value) => value.startsWith('on'))).toEqual(['on 0', 'on 2']);
  });

  test('is told the same again when it repeats an end, and refused if the other end came before', async () => {
    const ref = await init('repeats');
    await openAndStage(ref, 0, 'once');
    expect(await end(ref, true)).toBe(0);
    expect(await end(ref, true)).toBe(0);
    expect(await end(ref, false)).toBe(48);
    await openAndStage(ref, 1, 'aborted');
    expect(await end(ref, false)).toBe(0);
    expect(await end(ref, false)).toBe(0);
    expect(await end(ref, true)).toBe(49);
    expect((await log(0)).filter((value) => value === 'once' || value === 'aborted')).toEqual(['once']);
  });

  test('stages nothing before it opens a transaction, and commits one that has nothing', async () => {
    const ref = await init('opens');
    expect((await stage(ref, 0, 'too early')).code).toBe(48);
    expect(await open(ref)).toBe(0);
    expect(await end(ref, true)).toBe(0);
    expect((await stage(ref, 0, 'too late')).code).toBe(48);
  });

  test('gets another epoch when it asks for one, and the same reply when it asks again', async () => {
    const ref = await init('recovers');
    await openAndStage(ref, 0, 'left behind');
    const next = await init('recovers', ref);
    expect(next).toMatchObject({ errorCode: 0, producerId: ref.producerId, producerEpoch: ref.producerEpoch + 1 });
    expect(await init('recovers', ref)).toEqual(next);
    await openAndStage(next, 0, 'recovered');
    expect(await end(next, true)).toBe(0);
    expect(await log(0)).not.toContain('left behind');
    expect((await init('recovers', ref)).errorCode).toBe(90);
  });

  test('whose time is over aborts, and goes on with a new epoch', async () => {
    const ref = await init('slow', { transactionTimeoutMs: 1 });
    expect(await open(ref)).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await stage(ref, 0, 'late')).code).toBe(48);
    expect(await open(ref)).toBe(49);
    expect(await end(ref, true)).toBe(49);
    expect(await end(ref, false)).toBe(0);
    const next = await init('slow', ref);
    await openAndStage(await init('slow', next), 0, 'in time');
    expect(await log(0)).not.toContain('late');
  });
});

describe('errors', () => {
  test('of a time-out above the bound, of an id that nobody has begun, and of another producer', async () => {
    expect((await init('x', { transactionTimeoutMs: 900_001 })).errorCode).toBe(50);
    expect((await init('')).errorCode).toBe(42);
    const nobody = { transactionalId: 'nobody', producerId: 1, producerEpoch: 0 };
    expect(await open(nobody)).toBe(49);
    expect(await end(nobody, true)).toBe(49);
    expect((await stage(nobody, 0, 'x')).code).toBe(47);
    const ref = await init('somebody');
    expect(await open({ ...ref, producerId: ref.producerId + 1000 })).toBe(49);
  });

  test('of an earlier instance, by version; an instance over HTTP fences too, and cannot be joined', async () => {
    const zombie = await init('fenced');
    await openAndStage(zombie, 0, 'of a zombie');
    const ref = await init('fenced');
    expect(await open(zombie)).toBe(90);
    expect(await open(zombie, wire, 1)).toBe(47);
    expect(await end(zombie, true)).toBe(90);
    expect(await end(zombie, true, wire, 1)).toBe(47);
    expect((await stage(zombie, 1, 'late')).code).toBe(47);
    expect((await init('fenced', zombie)).errorCode).toBe(90);
    const http = await service.engine.transactions.init({ transactionalId: 'fenced' });
    expect(await open(ref)).toBe(90);
    expect(await open(http)).toBe(90);
    expect(await log(0)).not.toContain('of a zombie');
  });

  test('of offsets: of an unknown member, and of another generation', async () => {
    const ref = await init('offsets');
    await wire.ask(key.addOffsetsToTxn, 3, { ...ref, groupId: 'g' });
    const commit = async (member: object) => {
      const partitions = [{ partitionIndex: 0, committedOffset: 5, committedLeaderEpoch: -1, committedMetadata: 'm' }];
      const message = { ...ref, groupId: 'g', generationId: -1, memberId: '', groupInstanceId: null, ...member };
      const reply = await wire.ask(key.txnOffsetCommit, 3, { ...message, topics: [{ name: topic, partitions }] });
      return reply.topics[0].partitions[0].errorCode;
    };
    expect(await commit({ memberId: 'stranger', generationId: 3 })).toBe(25);
    expect(await commit({})).toBe(0);
    expect(await end(ref, true)).toBe(0);
    const found = await service.engine.groups.fetchOffsets({ groupId: 'g', topics: [{ topic, partitions: [0] }] });
    expect(found.topics[0]!.partitions).toMatchObject([{ offset: 5, metadata: 'm' }]);
  });
});

describe('version 2 of the transaction protocol', () => {
  const stageIn = async (ref: Ref, sequence: number, value: string) => {
    const { producerId, producerEpoch, transactionalId } = ref;
    const batch = batchOf([value], { producerId, producerEpoch, baseSequence: sequence, isTransactional: true });
    const reply = await wire.ask(key.produce, 12, { ...produceMessage(topic, { 1: batch }), transactionalId });
    return reply.responses[0].partitionResponses[0].errorCode;
  };
  const endIn = (ref: Ref, committed: boolean) => wire.ask(key.endTxn, 5, { ...ref, committed });

  test('is offered', async () => {
    const reply = await wire.ask(key.apiVersions, 4, { clientSoftwareName: 'x', clientSoftwareVersion: '1' });
    expect(reply.supportedFeatures).toContainEqual({ name: 'transaction.version', minVersion: 0, maxVersion: 2 });
    expect(reply.finalizedFeatures).toContainEqual({
      ...{ name: 'transaction.version', minVersionLevel: 2, maxVersionLevel: 2 },
    });
  });

  test('has batches and offsets open the transaction, and tells the next epoch at each end', async () => {
    const ref = await init('newer');
    expect(await stageIn(ref, 0, 'newer 0')).toBe(0);
    const first = await endIn(ref, true);
    expect(first).toMatchObject({ errorCode: 0, producerId: ref.producerId, producerEpoch: ref.producerEpoch + 1 });
    expect(await endIn(ref, true)).toMatchObject(first);
    const next = { ...ref, producerEpoch: first.producerEpoch };
    expect(await stageIn(ref, 1, 'late')).toBe(48);
    const partitions = [{ partitionIndex: 0, committedOffset: 5, committedMetadata: '' }];
    const offsets = { ...next, groupId: 'newer', topics: [{ name: topic, partitions }] };
    const staged = await wire.ask(key.txnOffsetCommit, 5, { ...offsets, memberId: '', generationId: -1 });
    expect(staged.topics[0].partitions).toMatchObject([{ errorCode: 0 }]);
    expect(await endIn(next, false)).toMatchObject({ errorCode: 0, producerEpoch: next.producerEpoch + 1 });
    expect(await endIn({ ...ref, producerEpoch: next.producerEpoch + 9 }, true)).toMatchObject({
      ...{ errorCode: 90, producerId: -1, producerEpoch: -1 },
    });
    expect(await log(1)).toEqual(['newer 0']);
  });
});

test('two listeners over one engine serve one transaction, and their instances fence each other', async () => {
  const other = await startKafka({
    ...{ engine: service.engine, clusterId: 'c', clock: systemClock, onError: () => undefined },
  });
  const second = await openWire(other.port);
  const ref = await init('two');
  await openAndStage(ref, 0, 'two 0');
  expect((await stage(ref, 1, 'two 1', second)).code).toBe(0);
  expect(await end(ref, true, second)).toBe(0);
  expect(await end(ref, true)).toBe(0);
  const newer = await init('two', {}, second);
  expect(await open(ref)).toBe(90);
  expect(await open(newer, second)).toBe(0);
  expect((await log(0)).filter((value) => value.startsWith('two'))).toEqual(['two 0', 'two 1']);
  second.close();
  await other.close();
});

test('clients that count on from the base offset get one that no record has', async () => {
  const counting = await service.connect();
  await counting.ask(key.apiVersions, 3, { clientSoftwareName: 'confluent-kafka-python', clientSoftwareVersion: '2' });
  const ref = await init('counting');
  expect(await open(ref)).toBe(0);
  expect(await stage(ref, 0, 'counted', counting)).toEqual({ code: 0, offset: -(2 ** 40) });
});

test('ids are listed and described by the names that Kafka has for their states', async () => {
  const ref = await init('described/1');
  const state = async () =>
    (await wire.ask(key.describeTransactions, 0, { transactionalIds: ['described/1'] })).transactionStates[0];
  expect(await state()).toMatchObject({ errorCode: 0, transactionState: 'Empty', transactionStartTimeMs: -1 });
  expect(await open(ref)).toBe(0);
  expect(await state()).toMatchObject({ transactionState: 'Ongoing', producerId: ref.producerId, topics: [] });
  expect((await stage(ref, 0, 'described')).code).toBe(0);
  expect(await state()).toMatchObject({ topics: [{ topic, partitions: [0] }] });
  const list = async (more: object) => {
    const message = { stateFilters: [], producerIdFilters: [], durationFilter: -1, ...more };
    const { transactionStates, unknownStateFilters } = await wire.ask(key.listTransactions, 1, message);
    return [transactionStates.map(({ transactionalId }: Ref) => transactionalId), unknownStateFilters];
  };
  expect(await list({ producerIdFilters: [ref.producerId] })).toEqual([['described/1'], []]);
  expect(await list({ producerIdFilters: [ref.producerId], stateFilters: ['Empty'] })).toEqual([[], []]);
  expect(await list({ stateFilters: ['Odd'] })).toEqual([[], ['Odd']]);
  expect(await list({ producerIdFilters: [ref.producerId], durationFilter: 3_600_000 })).toEqual([[], []]);
  expect(await end(ref, true)).toBe(0);
  expect(await state()).toMatchObject({ transactionState: 'CompleteCommit', topics: [] });
  const missing = await wire.ask(key.describeTransactions, 0, { transactionalIds: ['missing'] });
  expect(missing.transactionStates).toMatchObject([{ errorCode: 105 }]);
});
