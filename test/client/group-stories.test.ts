// These stories run several consumers of a group against the real server, handlers and engine in one process. Each member
// has a proxy that can be cut. A member is dead or frozen when none of its requests arrives any more. The stories run at the
// same time, because they mostly wait for sessions and heartbeats.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Consumer } from '../../client/consumer/consumer.ts';
import type { ConsumerOptions, TopicPartition } from '../../client/consumer/consumer-options.ts';
import { Rivulet } from '../../client/rivulet.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { eventually } from '../eventually.ts';
import { type Backend, startEmbedded, startProxy } from './embedded.ts';

// They share the processor with each other, and with other files.
vi.setConfig({ testTimeout: 120_000 });

let backend: Backend;
let rivulet: Rivulet;
let names = 0;
const members: Member[] = [];

beforeAll(async () => {
  backend = await startEmbedded();
  rivulet = new Rivulet({ url: backend.url });
});
afterAll(async () => {
  await Promise.all(members.map((member) => member.end()));
  await backend.close();
});

/** A busy machine must not end a session where a story needs all its members. */
const session = { sessionTimeoutMs: 45_000, heartbeatIntervalMs: 500 };
/** The shortest that a group takes, for stories that wait for its end. */
const shortSession = { sessionTimeoutMs: 6_000 };

type Handled = { readonly partition: number; readonly offset: number; readonly by: string };

/** The messages that all members of a story have handled, in the order of handling. */
type Story = {
  readonly topic: string;
  readonly groupId: string;
  readonly handled: Handled[];
  readonly events: string[];
};

async function newStory(partitions: number): Promise<Story> {
  const topic = `group-story-${names++}`;
  await rivulet.admin().createTopics({ topics: [{ topic, partitions }] });
  return { topic, groupId: `readers-of-${topic}`, handled: [], events: [] };
}

async function write({ topic }: Story, partitions: number, perPartition: number): Promise<void> {
  // The producer is a new one, because one that knew an earlier topic of this name would still mean that topic.
  const producer = new Rivulet({ url: backend.url }).producer();
  const messages = Array.from({ length: partitions * perPartition }, (_, i) => ({
    partition: i % partitions,
    value: `${i}`,
  }));
  await producer.send({ topic, messages });
  await producer.disconnect();
}

type Member = {
  readonly consumer: Consumer;
  /** The process is dead or frozen until `thaw`: no request arrives, no answer comes back, and it handles nothing. */
  freeze(): void;
  thaw(): void;
  leave(): Promise<void>;
  end(): Promise<void>;
};

type Options = ConsumerOptions & { readonly workMs?: number };

async function join(story: Story, by: string, { workMs = 1, ...options }: Options = {}): Promise<Member> {
  let frozen = false;
  let wake: () => void = () => undefined;
  let asleep: Promise<void> = Promise.resolve();
  const proxy = await startProxy(backend.url, () => (frozen ? 'cut before' : 'none'));
  const client = new Rivulet({ url: proxy.url, clientId: by, retry: { baseMs: 20, capMs: 200 } });
  const say = (what: string) => (partitions: readonly TopicPartition[]) => {
    story.events.push(`${by} ${what} ${partitions.map(({ partition }) => partition).sort((a, b) => a - b)}`);
  };
  const consumer = client.consumer({
    groupId: story.groupId,
    autoOffsetReset: 'earliest',
    ...session,
    onPartitionsAssigned: say('assigned'),
    onPartitionsRevoked: say('revoked'),
    onPartitionsLost: say('lost'),
    ...options,
  });
  consumer.subscribe({ topics: [story.topic] });
  const eachMessage = async ({ partition, offset }: { partition: number; offset: number }) => {
    await asleep;
    story.handled.push({ partition, offset, by });
    await systemClock.sleep(workMs);
  };
  const run = consumer.run({ eachMessage, concurrency: 4 });
  const member: Member = {
    consumer,
    freeze() {
      frozen = true;
      asleep = new Promise((resolve) => (wake = resolve));
    },
    thaw() {
      frozen = false;
      wake();
    },
    async leave() {
      await consumer.stop();
      await run;
    },
    async end() {
      member.thaw();
      await member.leave();
      await proxy.close();
    },
  };
  members.push(member);
  return member;
}

const owners = (...all: Member[]) => all.map(({ consumer }) => consumer.assignment().length);
const isShared = (partitions: number, ...all: Member[]) =>
  eventually(() => expect(owners(...all).sort((a, b) => a - b)).toEqual(evenly(partitions, all.length)));
const evenly = (partitions: number, count: number) =>
  Array.from({ length: count }, (_, i) => Math.floor((partitions + i) / count));

/** Distinct messages, and how many were handled more than once. */
function counts({ handled }: Story) {
  const distinct = new Set(handled.map(({ partition, offset }) => `${partition}/${offset}`)).size;
  return { distinct, twice: handled.length - distinct };
}

const isRead = (story: Story, total: number) => eventually(() => expect(counts(story).distinct).toBe(total));

/** In each partition each offset is first handled after those before it. */
function expectOrder({ handled }: Story): void {
  const next = new Map<number, number>();
  for (const { partition, offset } of handled) {
    const expected = next.get(partition) ?? 0;
    expect(offset).toBeLessThanOrEqual(expected);
    next.set(partition, Math.max(expected, offset + 1));
  }
}

test.concurrent('three members share the partitions, and when one leaves the others take over, with nothing lost or read twice', async () => {
  const story = await newStory(6);
  await write(story, 6, 50);
  const one = await join(story, 'one', { workMs: 5 });
  const two = await join(story, 'two', { workMs: 5 });
  const three = await join(story, 'three', { workMs: 5 });
  await isShared(6, one, two, three);
  await two.leave();
  await isShared(6, one, three);
  await write(story, 6, 50);
  await isRead(story, 600);
  expect(counts(story)).toEqual({ distinct: 600, twice: 0 });
  expectOrder(story);
  expect(story.events.filter((event) => event.includes('lost'))).toEqual([]);
});

test.concurrent('after a restart each member continues from the committed offsets', async () => {
  const story = await newStory(2);
  await write(story, 2, 40);
  const before = await join(story, 'before', { workMs: 3 });
  await eventually(() => expect(story.handled.length).toBeGreaterThan(10));
  await before.leave();
  const stoppedAt = story.handled.length;
  expect(stoppedAt).toBeLessThan(80);
  await join(story, 'after');
  await isRead(story, 80);
  expect(counts(story).twice).toBe(0);
});

test.concurrent('a frozen member loses its partitions after its session, and once thawed hands over and commits nothing', async () => {
  const story = await newStory(6);
  await write(story, 6, 60);
  const one = await join(story, 'one', { ...shortSession, autoCommitIntervalMs: 100 });
  const two = await join(story, 'two', { ...shortSession, autoCommitIntervalMs: 100 });
  await isShared(6, one, two);
  two.freeze();
  const frozenAt = story.handled.length;
  await write(story, 6, 60);
  await eventually(() => expect(owners(one)).toEqual([6]));
  await isRead(story, 720);
  const committed = await one.consumer.committed(story.topic);
  const thawedAt = story.handled.length;
  two.thaw();
  await isShared(6, one, two);
  await systemClock.sleep(300);
  expect(story.events.filter((event) => event.startsWith('two lost'))).toHaveLength(1);
  // It may still finish only what it worked on when it froze: one message for each of its partitions.
  expect(story.handled.slice(thawedAt).filter(({ by }) => by === 'two').length).toBeLessThanOrEqual(3);
  for (const { partition, offset } of await one.consumer.committed(story.topic))
    expect(offset).toBeGreaterThanOrEqual(committed.find((before) => before.partition === partition)!.offset);
  expect(frozenAt).toBeGreaterThan(0);
  expectOrder(story);
});

test.concurrent('a dead member causes no rebalancing cascade: only its ten of 50 partitions pause', async () => {
  const story = await newStory(50);
  const all: Member[] = [];
  for (const by of ['one', 'two', 'three', 'four', 'five']) all.push(await join(story, by, shortSession));
  await isShared(50, ...all);
  story.events.length = 0;
  const [dead, ...living] = all;
  dead!.freeze();
  await isShared(50, ...living);
  const moved = story.events.flatMap((event) => event.split(' ')[2]!.split(','));
  expect(story.events.every((event) => / assigned /.test(event))).toBe(true);
  expect(moved).toHaveLength(10);
});

test.concurrent('a static member returns within its session, and nothing moves', async () => {
  const story = await newStory(4);
  const one = await join(story, 'one', { groupInstanceId: 'a' });
  const two = await join(story, 'two', { groupInstanceId: 'b' });
  await isShared(4, one, two);
  const own = two.consumer.assignment();
  await two.leave();
  const events = story.events.filter((event) => event.startsWith('one'));
  const again = await join(story, 'again', { groupInstanceId: 'b' });
  await eventually(() => expect(again.consumer.assignment()).toEqual(own));
  expect(story.events.filter((event) => event.startsWith('one'))).toEqual(events);
});

test.concurrent('a pattern includes topics that are created later', async () => {
  const story = await newStory(1);
  const member = await join(story, 'one');
  member.consumer.subscribe({ topics: new RegExp(`^${story.topic}-`) });
  await rivulet.admin().createTopics({ topics: [{ topic: `${story.topic}-late`, partitions: 2 }] });
  await eventually(() =>
    expect(member.consumer.assignment()).toEqual(
      [0, 1].map((partition) => ({ topic: `${story.topic}-late`, partition })),
    ),
  );
  member.consumer.subscribe({ topics: [story.topic] });
  await eventually(() => expect(member.consumer.assignment()).toEqual([{ topic: story.topic, partition: 0 }]));
});

test.concurrent('a topic that is deleted and re-created is read from its beginning, and no member fails', async () => {
  const story = await newStory(2);
  await write(story, 2, 20);
  const member = await join(story, 'one', { autoCommitIntervalMs: 50 });
  await isRead(story, 40);
  await rivulet.admin().deleteTopics({ topics: [story.topic] });
  await eventually(() => expect(member.consumer.assignment()).toEqual([]));
  story.handled.length = 0;
  await rivulet.admin().createTopics({ topics: [{ topic: story.topic, partitions: 2 }] });
  await write(story, 2, 5);
  await isRead(story, 10);
  expectOrder(story);
});
