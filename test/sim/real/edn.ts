// This writes a history in the form of Jepsen's workload for Kafka (jepsen.tests.kafka), for a checker that is not ours.
// Each line is one operation, as in Jepsen's own history.edn:
//
//   {:index 0, :type :invoke, :process 3, :f :send, :value [[:send 1 "a"]], :time 1200000}
//   {:index 1, :type :ok, :process 3, :f :send, :value [[:send 1 [42 "a"]]], :time 3400000}
//   {:index 2, :type :invoke, :process 5, :f :poll, :value [[:poll]], :time 4000000}
//   {:index 3, :type :ok, :process 5, :f :poll, :value [[:poll {1 [[42 "a"]]}]], :time 4100000}
//
// A key is a partition, a value is what a client wrote, and a time is in nanoseconds since the first operation. Jepsen's
// processes do one thing at a time, and die of an answer with an unclear outcome. So a client of ours becomes as many
// processes as that takes. A consumer that continues somewhere else is another process too, which begins with :assign,
// the partitions that it reads.
import type { History, Poll, Send } from '../log/history.ts';

type Type = 'ok' | 'fail' | 'info';

/** One operation from its invocation to its completion. `after` is the value when it completes. */
type Operation = {
  readonly client: string;
  readonly f: 'send' | 'poll' | 'assign';
  /** The times are in nanoseconds. */
  readonly begun: number;
  readonly ended: number;
  readonly before: string;
  readonly after: string;
  readonly type: Type;
  /** The partition of a read, the offset at which it began, and the offset after it. */
  readonly read?: { readonly partition: number; readonly from: number; readonly next: number } | undefined;
  readonly error?: string;
};

type Process = { readonly number: number; busyUntil: number; next: number | undefined };
type Event = { readonly at: number; readonly completes: boolean; readonly order: number; readonly text: string };
/** Converts to nanoseconds since the first operation. */
type Nanoseconds = (ms: number) => number;

export function toEdn(history: History): string {
  const firstMs = [...history.sends, ...history.polls].reduce(
    (least, { begunMs }) => Math.min(least, begunMs),
    Infinity,
  );
  const nanoseconds = (ms: number) => Math.round((ms - firstMs) * 1e6);
  const operations = [
    ...history.sends.map((send) => ofSend(send, nanoseconds)),
    ...history.polls.map((poll) => ofPoll(poll, nanoseconds)),
  ];
  const last = operations.reduce((most, { ended }) => Math.max(most, ended), 0);
  const byClient = Map.groupBy([...operations, ...finalReads(history, last + 1)], ({ client }) => client);
  let processes = 0;
  const events = [...byClient.values()].flatMap((own) => eventsOf(own, () => processes++));
  // At the same time, begins come before ends, because neither operation can have seen the other.
  events.sort((a, b) => a.at - b.at || Number(a.completes) - Number(b.completes) || a.order - b.order);
  return events.map(({ at, text }, index) => `{:index ${index}, ${text}, :time ${at}}\n`).join('');
}

// --- what a client did

function ofSend({ client, partition, values, tries, begunMs, endedMs }: Send, nanoseconds: Nanoseconds): Operation {
  const sent = (show: (value: string, i: number) => string) =>
    `[${values.map((value, i) => `[:send ${partition} ${show(value, i)}]`).join(' ')}]`;
  const offset = tries.find((told) => typeof told === 'number');
  const before = sent((value) => string(value));
  const written = offset !== undefined || tries.includes('written');
  const type = written ? 'ok' : tries.length > 0 && tries.every((told) => told === 'not-written') ? 'fail' : 'info';
  return {
    client,
    f: 'send',
    begun: nanoseconds(begunMs),
    ended: nanoseconds(endedMs),
    before,
    after: written ? sent((value, i) => `[${offset === undefined ? 'nil' : offset + i} ${string(value)}]`) : before,
    type,
    ...(!written && { error: String(tries.at(-1) ?? 'unanswered') }),
  };
}

function ofPoll(poll: Poll, nanoseconds: Nanoseconds): Operation {
  const { client, partition, offset, begunMs, endedMs = begunMs, records } = poll;
  const next = (records.at(-1)?.offset ?? offset - 1) + 1;
  return {
    client: `${client} ${partition}`,
    f: 'poll',
    begun: nanoseconds(begunMs),
    ended: nanoseconds(endedMs),
    before: '[[:poll]]',
    after: `[[:poll {${records.length > 0 ? `${partition} ${pairs(records)}` : ''}}]]`,
    type: 'ok',
    read: { partition, from: offset, next },
  };
}

/** Reads the log as it was at rest. Without this, the last writes would count as never read. */
function finalReads({ finalLog }: History, at: number): Operation[] {
  return [...finalLog].map(([partition, records]) => {
    const poll = { client: 'final', partition, offset: 0, begunMs: 0, highWatermark: records.length, records };
    return ofPoll(poll, () => at);
  });
}

// --- processes

function eventsOf(operations: readonly Operation[], newNumber: () => number): Event[] {
  const processes: Process[] = [];
  return operations
    .toSorted((a, b) => a.begun - b.begun || a.ended - b.ended)
    .flatMap((operation) => {
      const free = processes.find((process) => isFor(process, operation));
      const process: Process = free ?? { number: newNumber(), busyUntil: -1, next: undefined };
      if (!free) processes.push(process);
      return [...(operation.read && !free ? assign(process, operation) : []), ...perform(process, operation)];
    });
}

/** A consumer of the SDK reads ahead, so its reads may overlap, and still follow each other. */
const isFor = (process: Process, { begun, read }: Operation) =>
  read ? process.next === read.from : process.busyUntil < begun;

function assign(process: Process, { client, begun, read }: Operation): Event[] {
  const value = `[${read!.partition}]`;
  return perform(process, { client, f: 'assign', begun, ended: begun, before: value, after: value, type: 'ok' });
}

function perform(process: Process, { f, begun, ended, before, after, type, read, error }: Operation): Event[] {
  const from = Math.max(begun, process.busyUntil + 1);
  const to = Math.max(ended, from);
  process.busyUntil = type === 'info' ? Number.POSITIVE_INFINITY : to;
  process.next = read?.next;
  const event = (at: number, kind: Type | 'invoke', value: string, rest = ''): Event => ({
    at,
    completes: kind !== 'invoke',
    order: process.number,
    text: `:type :${kind}, :process ${process.number}, :f :${f}, :value ${value}${rest}`,
  });
  return [event(from, 'invoke', before), event(to, type, after, error === undefined ? '' : `, :error :${error}`)];
}

// --- text

const pairs = (records: Poll['records']) =>
  `[${records.map(({ offset, value }) => `[${offset} ${string(value)}]`).join(' ')}]`;

/** The escapes of JSON are a part of EDN's. */
const string = (value: string) => JSON.stringify(value);
