// Of each write alone: it lies where its client was told, as often as its client was told, and every word about it is true.
import { ackOf, type Send } from '../history.ts';
import type { Anomaly, AnomalyName, Log } from './anomaly.ts';

type Offsets = ReadonlyMap<string, readonly number[]>;

const anomaly = (name: AnomalyName, send: Send, detail: string): Anomaly => ({
  name,
  detail: `${send.client} ${send.values[0]}: ${detail}`,
});

/** Kafka remembers as many batches of a producer, and so long does a repeat get its offset. */
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
      found.push(anomaly('torn batch', owner.send, `${value} at ${at}`));
  }
  return found;
}

/** What was acknowledged lies where it was said to. */
export function checkAcks(sends: readonly Send[], log: Log): Anomaly[] {
  return sends.flatMap((send) => {
    const told = new Set(send.tries.filter((one) => typeof one === 'number'));
    return [...told].flatMap((ack) => {
      const isThere = send.values.every((value, i) => log[ack + i]?.value === value);
      const lost = anomaly('lost acknowledged write', send, `told ${ack}, where the log has ${log[ack]?.value}`);
      const missed = anomaly('expected offset missed', send, `told ${ack}, expected ${send.expectedOffset}`);
      return [...(isThere ? [] : [lost]), ...((send.expectedOffset ?? ack) === ack ? [] : [missed])];
    });
  });
}

/** No more copies than the answers explain: each try may have written once, unless it was told that it did not. */
export function checkCopies(sends: readonly Send[], log: Log, offsetsOf: Offsets): Anomaly[] {
  return sends.flatMap((send) => {
    const copies = offsetsOf.get(send.values[0]!) ?? [];
    const explained = send.tries.filter((told) => told !== 'not-written').length;
    const where = `at ${copies.join(', ')} of ${log.length}`;
    if (explained === 0 && copies.length > 0) return [anomaly('not-written was written', send, where)];
    if (send.idempotent && copies.length > 1) return [anomaly('duplicate from an idempotent producer', send, where)];
    if (copies.length > explained) return [anomaly('unexplained duplicate', send, `${where}, ${explained} explained`)];
    if (send.expectedOffset !== undefined && copies.some((copy) => copy !== send.expectedOffset))
      return [anomaly('expected offset missed', send, `${where}, expected ${send.expectedOffset}`)];
    return [];
  });
}

/** What an answer said of the data is true, and no vaguer than it must be. */
export function checkOutcomes(
  sends: readonly Send[],
  log: Log,
  offsetsOf: Offsets,
  disturbances: readonly number[] | undefined,
): Anomaly[] {
  return sends.flatMap((send) => {
    const found: Anomaly[] = [];
    if (send.tries.includes('written')) {
      if (!offsetsOf.has(send.values[0]!)) found.push(anomaly('written was not written', send, 'not in the log'));
      else if (laterSends(send, sends) < batchesRemembered)
        found.push(anomaly('offset withheld', send, 'told written'));
    }
    if (disturbances) found.push(...checkCauses(send, log, disturbances));
    return found;
  });
}

const laterSends = (send: Send, sends: readonly Send[]) =>
  sends.filter(
    (other) =>
      other.client === send.client &&
      other.producer?.id === send.producer?.id &&
      other.order > send.order &&
      other.begunMs <= send.endedMs,
  ).length;

/**
 * One thing that goes wrong is survived without a word: it takes two for an answer of `unknown`, one (a kill) for none at
 * all. A refusal needs one; or a log that was not at the expected offset; or a client that sends ahead.
 */
function checkCauses(send: Send, log: Log, disturbances: readonly number[]): Anomaly[] {
  const causes = disturbances.filter((atMs) => atMs >= send.begunMs && atMs <= send.endedMs).length;
  const count = (told: string) => send.tries.filter((one) => one === told).length;
  const needed = count('lost') + 2 * count('unknown');
  const isExplained =
    causes > 0 || send.producer !== undefined || (send.expectedOffset ?? Number.POSITIVE_INFINITY) < log.length;
  const said = `${send.tries.join(', ')}; ${causes} things went wrong`;
  return [
    ...(causes < needed ? [anomaly('unknown without a cause', send, said)] : []),
    ...(count('not-written') > 0 && !isExplained ? [anomaly('refused without a cause', send, said)] : []),
  ];
}

export function checkDeletedWrites(sends: readonly Send[], deletedMs: number): Anomaly[] {
  return sends
    .filter((send) => ackOf(send) !== undefined && send.begunMs > deletedMs)
    .map((send) => anomaly('acknowledged after the deletion', send, `told ${ackOf(send)}`));
}
