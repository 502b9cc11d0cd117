// These are the clients of small worlds, each written to run into one kind of trouble. They record every answer in the
// history, with its time.
import type { Engine } from '../../../../lib/api/engine.ts';
import type { Outcome, RivuletError } from '../../../../lib/api/errors.ts';
import type { AppendAck } from '../../../../lib/api/records.ts';
import { encodeBatch } from '../../../../lib/record/batch.ts';
import { notePoll, type ProducerState, pauseFor, register, simulatedTopic } from '../clients.ts';
import { outcomeOf, type Send } from '../history.ts';
import type { Actor, SmallWorld } from './small-world.ts';

const requestTimeoutMs = 30_000;
const patience = 12;

type Told = number | Outcome | 'lost';
export type Act = (engine: Engine) => Promise<{ offset: number } | { error: RivuletError }>;

export function newSend(world: SmallWorld, client: string, order: number, more: Partial<Send> = {}): Send {
  const size = 1 + world.random.below(3);
  const label = more.producer ? `${more.producer.id}.${more.producer.epoch}/` : '';
  const values = Array.from({ length: size }, (_, i) => `${client}/${label}${order}.${i}`);
  const nowMs = world.scheduler.now();
  return {
    client,
    order,
    partition: 0,
    values,
    idempotent: true,
    begunMs: nowMs,
    triedMs: [],
    answeredMs: [],
    tries: [],
    gapsMs: [],
    endedMs: nowMs,
    ...more,
  };
}

/** Makes one try, at any process. */
async function tryOnce(world: SmallWorld, send: Send, act: Act): Promise<Told> {
  if (!world.history.sends.includes(send)) world.history.sends.push(send);
  send.triedMs!.push(world.scheduler.now());
  const result = await world.random.pick(world.processes).request(act, requestTimeoutMs);
  send.endedMs = world.scheduler.now();
  const told = toldOf(send, result);
  send.tries.push(told);
  send.answeredMs!.push(send.endedMs);
  return told;
}

type Result = { reply: { offset: number } | { error: RivuletError } } | { error: unknown } | 'lost';

function toldOf(send: Send, result: Result): Told {
  if (result === 'lost') return 'lost';
  const reply = 'error' in result ? result : result.reply;
  return 'error' in reply ? outcomeOf(send, reply.error, send.endedMs) : reply.offset;
}

/** Repeats the same try until it is known to be written, and returns the last answer. */
export async function deliver(world: SmallWorld, send: Send, act: Act, mostTries = patience): Promise<Told> {
  for (let tries = 1; ; tries++) {
    const told = await tryOnce(world, send, act);
    if (typeof told === 'number' || told === 'written' || tries >= mostTries) return told;
    await pauseFor(world, world.random.below(500));
  }
}

type Identity = { readonly producerId: number; readonly producerEpoch: number; readonly baseSequence: number };

/** Appends the values of a send, as one batch or as one batch for each value. */
function appending(world: SmallWorld, send: Send, identity: Identity | undefined): Act {
  const timestampMs = world.scheduler.now();
  const records = send.values.map((value) => ({ key: null, value: text(value), headers: [], timestampMs }));
  const runs = world.random.chance(0.3) ? records.map((record) => [record]) : [records];
  let sequence = identity?.baseSequence ?? 0;
  const encoded = runs.map((run) => {
    const bytes = encodeBatch(run, identity ? { ...identity, baseSequence: sequence } : {});
    sequence += run.length;
    return bytes;
  });
  const batches = Buffer.concat(encoded);
  return async (engine) => {
    const { partition, expectedOffset } = send;
    // The engine may write into the buffer that it gets, so each try gets a copy.
    const part = { partition, batches: Buffer.from(batches), ...(expectedOffset !== undefined && { expectedOffset }) };
    const reply = await engine.append({ topic: simulatedTopic, partitions: [part] });
    const [answer] = reply.partitions as [AppendAck | { error: RivuletError }];
    return 'error' in answer ? answer : { offset: answer.baseOffset };
  };
}

const text = (value: string) => new TextEncoder().encode(value);

const identityOf = ({ producerId, sequence }: ProducerState, producerEpoch = 0): Identity => ({
  producerId,
  producerEpoch,
  baseSequence: sequence,
});

/** An idempotent producer that repeats until it knows the outcome, one send at a time, with pauses up to `pauseMs`. */
export const steady =
  (sends: number, pauseMs: number): Actor =>
  async (world, client) => {
    const producer = await register(world);
    for (let order = 0; producer && order < sends; order++) {
      const send = newSend(world, client, order, { producer: { id: producer.producerId, epoch: 0 } });
      const told = await deliver(world, send, appending(world, send, identityOf(producer)));
      if (typeof told !== 'number') return;
      producer.sequence += send.values.length;
      await pauseFor(world, world.random.below(pauseMs));
    }
  };

/**
 * A client that sends once, and continues as another producer when the answer is not an acknowledgement. So every
 * answer must be true.
 */
export const impatient =
  (sends: number, pauseMs: number): Actor =>
  async (world, client) => {
    let producer = await register(world);
    for (let order = 0; producer && order < sends; order++) {
      const send = newSend(world, client, order, { producer: { id: producer.producerId, epoch: 0 } });
      const told = await deliver(world, send, appending(world, send, identityOf(producer)), 1);
      producer.sequence += send.values.length;
      if (typeof told !== 'number') producer = await register(world);
      await pauseFor(world, world.random.below(pauseMs));
    }
  };

/**
 * Producers that live for one batch, one after the other. Some repeat it later, though they know that it was written.
 */
export const oneShots =
  (sends: number, pauseMs: number, repeatMs = 0): Actor =>
  async (world, client) => {
    const repeats: Promise<unknown>[] = [];
    for (let order = 0; order < sends; order++) {
      const producer = await register(world);
      if (!producer) continue;
      const send = newSend(world, client, order, { producer: { id: producer.producerId, epoch: 0 } });
      const act = appending(world, send, identityOf(producer));
      await deliver(world, send, act);
      if (repeatMs > 0 && world.random.chance(0.3))
        repeats.push(pauseFor(world, world.random.below(repeatMs)).then(() => deliver(world, send, act, 3)));
      await pauseFor(world, world.random.below(pauseMs));
    }
    await Promise.all(repeats);
  };

/** A client without a producer id. It tries once, so every answer counts. */
export const anonymous =
  (sends: number, pauseMs: number, partitions = 1): Actor =>
  async (world, client) => {
    for (let order = 0; order < sends; order++) {
      const send = newSend(world, client, order, { idempotent: false, partition: world.random.below(partitions) });
      await deliver(world, send, appending(world, send, undefined), 1);
      await pauseFor(world, world.random.below(pauseMs));
    }
  };

/** A producer with several batches on their way at once, in sequence. Each is repeated until its outcome is known. */
export const pipelined =
  (sends: number, inFlight: number): Actor =>
  async (world, client) => {
    const producer = await register(world);
    const going = new Set<Promise<unknown>>();
    for (let order = 0; producer && order < sends; order++) {
      const send = newSend(world, client, order, { producer: { id: producer.producerId, epoch: 0 } });
      const one: Promise<unknown> = deliver(world, send, appending(world, send, identityOf(producer)), 40).then(() =>
        going.delete(one),
      );
      going.add(one);
      producer.sequence += send.values.length;
      await pauseFor(world, world.random.below(20));
      if (going.size >= inFlight) await Promise.race(going);
    }
    await Promise.all(going);
  };

/** Producers that send their second batch before the first, each once. */
export const hasty =
  (pairs: number, pauseMs: number): Actor =>
  async (world, client) => {
    const pair = async () => {
      const producer = await register(world);
      if (!producer) return;
      const named = { producer: { id: producer.producerId, epoch: 0 } };
      const first = newSend(world, client, 0, named);
      const ahead = newSend(world, client, 1, named);
      const sequence = first.values.length;
      await Promise.all([
        deliver(world, ahead, appending(world, ahead, identityOf({ ...producer, sequence })), 1),
        pauseFor(world, world.random.below(8_000)).then(() =>
          deliver(world, first, appending(world, first, identityOf(producer)), 1),
        ),
      ]);
    };
    const all: Promise<void>[] = [];
    for (let i = 0; i < pairs; i++) {
      all.push(pair());
      await pauseFor(world, world.random.below(pauseMs));
    }
    await Promise.all(all);
  };

/** A client that repeats batches that it knows to be written, as long as they are among the newest five. */
export const repeater =
  (sends: number, pauseMs: number): Actor =>
  async (world, client) => {
    const producer = await register(world);
    const newest: { send: Send; act: Act }[] = [];
    for (let order = 0; producer && order < sends; order++) {
      const send = newSend(world, client, order, { producer: { id: producer.producerId, epoch: 0 } });
      const act = appending(world, send, identityOf(producer));
      if (typeof (await deliver(world, send, act)) !== 'number') return;
      producer.sequence += send.values.length;
      if (newest.push({ send, act }) > 5) newest.shift();
      const again = world.random.pick(newest);
      await deliver(world, again.send, again.act);
      await pauseFor(world, world.random.below(pauseMs));
    }
  };

/**
 * Two lives of one producer at the same time. The second has a newer epoch, which it begins with two batches on their
 * way.
 */
export const fencing =
  (sends: number, pauseMs: number): Actor =>
  async (world, client) => {
    const registered = await register(world);
    if (!registered) return;
    const live = async (epoch: number) => {
      const producer = { ...registered };
      await pauseFor(world, epoch * world.random.below(2_000));
      for (let order = 0, ahead: Promise<Told> | undefined; order < sends; order++) {
        const named = { producer: { id: producer.producerId, epoch } };
        const send = newSend(world, client, epoch * 1_000 + order, named);
        const act = appending(world, send, identityOf(producer, epoch));
        producer.sequence += send.values.length;
        const told = pauseFor(world, epoch * world.random.below(50)).then(() => deliver(world, send, act, 5));
        const isFirstOfTwo = epoch > 0 && order === 0;
        const answers = await (isFirstOfTwo ? [] : Promise.all([told, ahead ?? told]));
        if (answers.some((answer) => typeof answer !== 'number')) return;
        ahead = isFirstOfTwo ? told : undefined;
        await pauseFor(world, world.random.below(pauseMs));
      }
    };
    await Promise.all([live(0), live(1)]);
  };

/**
 * A client that sends a written batch once more, cut differently. Neither an acknowledgement nor a refusal as written
 * is true.
 */
export const recutting =
  (sends: number, pauseMs: number): Actor =>
  async (world, client) => {
    const producer = await register(world);
    for (let order = 0; producer && order < sends; order++) {
      const named = { producer: { id: producer.producerId, epoch: 0 } };
      const send = newSend(world, client, order, named);
      if (typeof (await deliver(world, send, appending(world, send, identityOf(producer)))) !== 'number') return;
      await pauseFor(world, world.random.below(pauseMs));
      const values = [...send.values, ''].map((_, i) => `${client}/recut${order}.${i}`);
      const recut = { ...newSend(world, client, 1_000_000 + order, named), values };
      world.history.disturbances!.push(world.scheduler.now());
      await deliver(world, recut, appending(world, recut, identityOf(producer)), 1);
      producer.sequence += send.values.length;
    }
  };

/** A client that appends with an Idempotency-Key, and repeats it later. */
export const keyed =
  (sends: number, repeatMs: number): Actor =>
  async (world, client) => {
    const one = async (order: number) => {
      const send = newSend(world, client, 0, { producer: { id: order, epoch: 0 } });
      const act: Act = async (engine) => {
        const records = send.values.map((value) => ({
          partition: send.partition,
          key: null,
          value: text(value),
          headers: [],
        }));
        const request = { topic: simulatedTopic, records, idempotencyKey: send.values[0]! };
        const [answer] = (await engine.appendRecords(request)).records;
        return answer!;
      };
      await deliver(world, send, act);
      if (!world.random.chance(0.5)) return;
      await pauseFor(world, world.random.below(repeatMs));
      await deliver(world, send, act, 3);
    };
    const all: Promise<void>[] = [];
    for (let order = 0; order < sends; order++) {
      all.push(one(order));
      await pauseFor(world, world.random.below(100));
    }
    await Promise.all(all);
  };

/**
 * A client that appends where it believes the end to be, with or without a producer id. It tries once, or until it
 * knows.
 */
export const conditional =
  (sends: number, mostTries: number, isIdempotent: boolean): Actor =>
  async (world, client) => {
    for (let order = 0; order < sends; order++) {
      const producer = isIdempotent ? await register(world) : undefined;
      const end = await endOf(world);
      if (end === undefined || (isIdempotent && !producer)) continue;
      const expectedOffset = end + (mostTries === 1 && world.random.chance(0.3) ? world.random.below(4) : 0);
      const named = producer && { producer: { id: producer.producerId, epoch: 0 } };
      const send = newSend(world, client, order, { expectedOffset, idempotent: isIdempotent, ...named });
      await deliver(world, send, appending(world, send, producer && identityOf(producer)), mostTries);
    }
  };

async function endOf(world: SmallWorld): Promise<number | undefined> {
  const request = { topic: simulatedTopic, at: 'latest' as const, partitions: [0] };
  const ends = await world.random.pick(world.processes).request((engine) => engine.offsets(request), requestTimeoutMs);
  return ends !== 'lost' && 'reply' in ends ? ends.reply.partitions[0]!.offset : undefined;
}

/** A reader that continues from where it was, and sometimes starts from the beginning. */
export const reader =
  (polls: number, pauseMs: number, waitMs: number): Actor =>
  async (world, client) => {
    let next = 0;
    for (let i = 0; i < polls; i++) {
      const offset = world.random.chance(0.2) ? world.random.below(next + 1) : next;
      const begunMs = world.scheduler.now();
      const request = {
        topic: simulatedTopic,
        partitions: [{ partition: 0, offset }],
        waitMs: world.random.below(waitMs),
        ...(world.random.chance(0.3) && { minBytes: 100_000 }),
        ...(world.random.chance(0.5) && { maxBytes: 20 + world.random.below(300) }),
      };
      const result = await world.random
        .pick(world.processes)
        .request((engine) => engine.fetch(request), requestTimeoutMs);
      if (result !== 'lost' && 'reply' in result) {
        const seen = { client, partition: 0, offset, begunMs, endedMs: world.scheduler.now() };
        next = Math.max(next, notePoll(world.history, seen, result.reply.partitions[0]!));
      }
      await pauseFor(world, world.random.below(pauseMs));
    }
  };
