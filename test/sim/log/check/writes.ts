// These checks judge each write alone. It lies where and as often as its client was told, and every answer about it is
// true.
import { ackOf, isSameProducer, type Send } from '../history.ts';
import { type Anomaly, type Log, ofSend } from './anomaly.ts';

type Offsets = ReadonlyMap<string, readonly number[]>;

/** Kafka remembers this many batches of a producer, so a repeat of one of them gets its offset. */
const batchesRemembered = 5;

export function checkDensity(log: Log): Anomaly[] {
  const at = log.findIndex(({ offset }, i) => offset !== i);
  return at < 0 ? [] : [{ name: 'hole', detail: `offset ${log[at]!.offset} stands at ${at}` }];
}

/** Every record is part of a whole copy of some client's batch. */
export function checkOwners(sends: readonly Send[], log: Log): Anomaly[] {
  const owners = new Map(sends.flatMap((send) => send.values.map((value, i) => [value, { send, i }] as const)));
  const found: Anomaly[] = [];
  for (const [at, { value }] of log.entries()) {
    const owner = owners.get(value);
    if (!owner) found.push({ name: 'a record that nobody wrote', detail: `${value} at ${at}` });
    else if (owner.send.values.some((other, i) => log[at - owner.i + i]?.value !== other))
      found.push(ofSend('torn batch', owner.send, `${value} at ${at}`));
  }
  return found;
}

/** An acknowledged write lies at the acknowledged offset. */
export function checkAcks(sends: readonly Send[], log: Log): Anomaly[] {
  return sends.flatMap((send) => {
    const told = new Set(send.tries.filter((one) => typeof one === 'number'));
    return [...told].flatMap((ack) => {
      const isThere = send.values.every((value, i) => log[ack + i]?.value === value);
      const lost = ofSend('lost acknowledged write', send, `told ${ack}, where the log has ${log[ack]?.value}`);
      const missed = ofSend('expected offset missed', send, `told ${ack}, expected ${send.expectedOffset}`);
      return [...(isThere ? [] : [lost]), ...((send.expectedOffset ?? ack) === ack ? [] : [missed])];
    });
  });
}

/**
 * There are no more copies than the answers explain. Each try may have written once, unless its answer was not-written.
 */
export function checkCopies(sends: readonly Send[], log: Log, offsetsOf: Offsets): Anomaly[] {
  return sends.flatMap((send) => {
    const copies = offsetsOf.get(send.values[0]!) ?? [];
    const explained = send.tries.filter((told) => told !== 'not-written').length;
    const where = `at ${copies.join(', ')} of ${log.length}`;
    if (explained === 0 && copies.length > 0) return [ofSend('not-written was written', send, where)];
    if (send.idempotent && copies.length > 1) return [ofSend('duplicate from an idempotent producer', send, where)];
    if (copies.length > explained) return [ofSend('unexplained duplicate', send, `${where}, ${explained} explained`)];
    if (send.expectedOffset !== undefined && copies.some((copy) => copy !== send.expectedOffset))
      return [ofSend('expected offset missed', send, `${where}, expected ${send.expectedOffset}`)];
    return [];
  });
}

/**
 * A write that was reported as written is in the log. As long as its producer is remembered, the answer includes its
 * offset.
 */
export function checkOutcomes(sends: readonly Send[], offsetsOf: Offsets): Anomaly[] {
  return sends
    .filter((send) => send.tries.includes('written'))
    .flatMap((send) => {
      if (!offsetsOf.has(send.values[0]!)) return [ofSend('written was not written', send, 'not in the log')];
      return laterSends(send, sends) < batchesRemembered ? [ofSend('offset withheld', send, 'told written')] : [];
    });
}

/** A batch waits this long for the batch before it, which may be on its way. */
const gapMs = 1_500;

export function checkPatience(sends: readonly Send[]): Anomaly[] {
  return sends.flatMap((send) => {
    const shortest = Math.min(...(send.gapsMs ?? []));
    return shortest < gapMs ? [ofSend('a gap is reported too early', send, `after ${shortest} ms`)] : [];
  });
}

const laterSends = (send: Send, sends: readonly Send[]) =>
  sends.filter((other) => isSameProducer(other, send) && other.order > send.order && other.begunMs <= send.endedMs)
    .length;

export function checkDeletedWrites(sends: readonly Send[], deletedMs: number): Anomaly[] {
  return sends
    .filter((send) => ackOf(send) !== undefined && send.begunMs > deletedMs)
    .map((send) => ofSend('acknowledged after the deletion', send, `told ${ackOf(send)}`));
}
