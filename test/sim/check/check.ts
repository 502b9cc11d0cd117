// The checker: judges a history by what clients saw alone. Each anomaly has a name; an empty list is a clean bill.
import { ackOf, type History, type Send } from '../history.ts';

export type Anomaly = { readonly name: AnomalyName; readonly detail: string };

export const anomalyNames = [
  'hole',
  'lost acknowledged write',
  'duplicate from an idempotent producer',
  'unexplained duplicate',
  'an offset told to two records',
  'one write told two offsets',
  'not-written was written',
  'written was not written',
  'unknown without a cause',
  'reordered within a producer',
  'reordered in real time',
  'read what is not in the log',
  'read a hole',
  'acknowledged but not readable',
  'read goes back',
  'expected offset missed',
  'torn batch',
] as const;
export type AnomalyName = (typeof anomalyNames)[number];

type Log = readonly { readonly offset: number; readonly value: string }[];

export function check(history: History): Anomaly[] {
  const partitions = [...history.finalLog.keys()];
  return partitions.flatMap((partition) => {
    const sends = history.sends.filter((send) => send.partition === partition);
    const log = history.finalLog.get(partition)!;
    const offsetsOf = offsetsByValue(log);
    return [
      ...checkDensity(log),
      ...sends.flatMap((send) => checkSend(send, log, offsetsOf)),
      ...checkTold(sends),
      ...checkProducerOrder(sends, offsetsOf),
      ...checkRealTime(sends),
      ...checkPolls(history, partition, sends, log),
    ];
  });
}

function offsetsByValue(log: Log): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const { offset, value } of log) found.set(value, [...(found.get(value) ?? []), offset]);
  return found;
}

function checkDensity(log: Log): Anomaly[] {
  const at = log.findIndex(({ offset }, i) => offset !== i);
  return at < 0 ? [] : [{ name: 'hole', detail: `offset ${log[at]!.offset} stands at ${at}` }];
}

function checkSend(send: Send, log: Log, offsetsOf: Map<string, number[]>): Anomaly[] {
  const found: Anomaly[] = [];
  const say = (name: AnomalyName, detail: string) =>
    found.push({ name, detail: `${send.client} ${send.values[0]}: ${detail}` });
  const copies = offsetsOf.get(send.values[0]!) ?? [];
  const ack = ackOf(send);
  const unknowns = send.tries.filter((told) => told === 'unknown' || told === 'lost').length;
  if (ack !== undefined && send.values.some((value, i) => log[ack + i]?.value !== value)) {
    say('lost acknowledged write', `acknowledged at ${ack}, where the log has ${log[ack]?.value ?? 'nothing'}`);
  }
  if (send.idempotent && copies.length > 1) say('duplicate from an idempotent producer', `at ${copies.join(', ')}`);
  const explained = unknowns + send.tries.filter((told) => typeof told === 'number').length;
  if (!send.idempotent && copies.length > explained)
    say('unexplained duplicate', `at ${copies.join(', ')}, ${unknowns} unknown`);
  if (copies.length > 0 && send.tries.every((told) => told === 'not-written'))
    say('not-written was written', `at ${copies.join(', ')}`);
  if (copies.length === 0 && send.tries.includes('written')) say('written was not written', 'not in the log');
  if (ack !== undefined && send.expectedOffset !== undefined && ack !== send.expectedOffset)
    say('expected offset missed', `acknowledged at ${ack}, expected ${send.expectedOffset}`);
  for (const copy of copies) {
    if (send.values.some((value, i) => log[copy + i]?.value !== value)) say('torn batch', `at ${copy}`);
  }
  return found;
}

/** Every offset is told to one write only, and every idempotent write is told one offset only. */
function checkTold(sends: readonly Send[]): Anomaly[] {
  const found: Anomaly[] = [];
  const owner = new Map<number, Send>();
  for (const send of sends) {
    const told = new Set(send.tries.filter((one) => typeof one === 'number'));
    if (told.size > 1)
      found.push({ name: 'one write told two offsets', detail: `${send.values[0]}: ${[...told].join(', ')}` });
    for (const offset of [...told].flatMap((base) => send.values.map((_, i) => base + i))) {
      const other = owner.get(offset);
      if (other && other !== send)
        found.push({
          name: 'an offset told to two records',
          detail: `${offset}: ${other.values[0]} and ${send.values[0]}`,
        });
      owner.set(offset, send);
    }
  }
  return found;
}

/** An idempotent client's writes lie in the log in the order in which it sent them. */
function checkProducerOrder(sends: readonly Send[], offsetsOf: Map<string, number[]>): Anomaly[] {
  const found: Anomaly[] = [];
  const newest = new Map<string, { offset: number; send: Send }>();
  for (const send of sends.filter(({ idempotent }) => idempotent).sort((a, b) => a.order - b.order)) {
    const offset = offsetsOf.get(send.values[0]!)?.[0];
    if (offset === undefined) continue;
    const before = newest.get(send.client);
    if (before && before.offset > offset)
      found.push({
        name: 'reordered within a producer',
        detail: `${before.send.values[0]} at ${before.offset}, ${send.values[0]} at ${offset}`,
      });
    newest.set(send.client, { offset, send });
  }
  return found;
}

/** What was acknowledged before another write began lies before it. */
function checkRealTime(sends: readonly Send[]): Anomaly[] {
  const acked = sends.filter((send) => ackOf(send) !== undefined);
  const byEnd = [...acked].sort((a, b) => a.endedMs - b.endedMs);
  const byBegin = [...acked].sort((a, b) => a.begunMs - b.begunMs);
  const found: Anomaly[] = [];
  let highest: Send | undefined;
  let ended = 0;
  for (const send of byBegin) {
    for (; ended < byEnd.length && byEnd[ended]!.endedMs < send.begunMs; ended++) {
      if (!highest || ackOf(byEnd[ended]!)! > ackOf(highest)!) highest = byEnd[ended];
    }
    if (highest && ackOf(highest)! > ackOf(send)!)
      found.push({
        name: 'reordered in real time',
        detail: `${highest.values[0]} was acknowledged at ${ackOf(highest)} before ${send.values[0]} began, which got ${ackOf(send)}`,
      });
  }
  return found;
}

function checkPolls(history: History, partition: number, sends: readonly Send[], log: Log): Anomaly[] {
  const found: Anomaly[] = [];
  const acked = sends.filter((send) => ackOf(send) !== undefined).sort((a, b) => a.endedMs - b.endedMs);
  const polls = history.polls.filter((poll) => poll.partition === partition).sort((a, b) => a.begunMs - b.begunMs);
  let readable = 0;
  let next = 0;
  for (const poll of polls) {
    for (; next < acked.length && acked[next]!.endedMs < poll.begunMs; next++) {
      readable = Math.max(readable, ackOf(acked[next]!)! + acked[next]!.values.length);
    }
    if (poll.highWatermark < readable)
      found.push({
        name: 'acknowledged but not readable',
        detail: `${poll.client} saw ${poll.highWatermark}, but ${readable} was acknowledged`,
      });
    for (const [i, { offset, value }] of poll.records.entries()) {
      if (offset !== poll.offset + i)
        found.push({
          name: 'read a hole',
          detail: `${poll.client} at ${poll.offset}: ${offset} stands at ${poll.offset + i}`,
        });
      if (log[offset]?.value !== value)
        found.push({
          name: 'read what is not in the log',
          detail: `${poll.client} read ${value} at ${offset}, the log has ${log[offset]?.value ?? 'nothing'}`,
        });
    }
  }
  return [...found, ...checkWatermarks(polls)];
}

/** What one client sees of a partition's end never goes back. */
function checkWatermarks(polls: readonly { client: string; highWatermark: number }[]): Anomaly[] {
  const highest = new Map<string, number>();
  return polls.flatMap(({ client, highWatermark }) => {
    const before = highest.get(client) ?? 0;
    highest.set(client, Math.max(before, highWatermark));
    return highWatermark < before
      ? [{ name: 'read goes back' as const, detail: `${client}: ${before}, then ${highWatermark}` }]
      : [];
  });
}
