// These checks compare writes: each offset belongs to one write, and writes lie in the order that their clients can
// know.
import { ackOf, type Poll, type Send } from '../history.ts';
import type { Anomaly } from './anomaly.ts';

type Offsets = ReadonlyMap<string, readonly number[]>;

/** Every offset is acknowledged for one write only, and every write is acknowledged at one offset only. */
export function checkTold(sends: readonly Send[]): Anomaly[] {
  const found: Anomaly[] = [];
  const owner = new Map<number, Send>();
  for (const send of sends) {
    const told = new Set(send.tries.filter((one) => typeof one === 'number'));
    if (told.size > 1)
      found.push({
        name: 'one write acknowledged at two offsets',
        detail: `${send.values[0]}: ${[...told].join(', ')}`,
      });
    for (const offset of [...told].flatMap((base) => send.values.map((_, i) => base + i))) {
      const other = owner.get(offset);
      if (other && other !== send)
        found.push({
          name: 'an offset acknowledged for two records',
          detail: `${offset}: ${other.values[0]} and ${send.values[0]}`,
        });
      owner.set(offset, send);
    }
  }
  return found;
}

/** The idempotent sends of each client (or producer, where a send names one), in the order of sending. */
function byProducer(sends: readonly Send[]): Send[][] {
  const groups = Map.groupBy(
    sends.filter(({ idempotent }) => idempotent),
    ({ client, producer }) => `${client} ${producer?.id ?? ''}`,
  );
  return [...groups.values()].map((group) => group.sort((a, b) => a.order - b.order));
}

/**
 * The writes of a producer lie in the log in the order in which it sent them. So do those of a key, because a key has
 * one partition.
 */
export function checkProducerOrder(sends: readonly Send[], offsetsOf: Offsets): Anomaly[] {
  return byProducer(sends).flatMap((group) => {
    const placed = group.flatMap((send) =>
      (offsetsOf.get(send.values[0]!) ?? []).slice(0, 1).map((at) => ({ send, at })),
    );
    return placed.slice(1).flatMap(({ send, at }, i) =>
      at < placed[i]!.at
        ? [
            {
              name: 'reordered within a producer' as const,
              detail: `${placed[i]!.send.values[0]} at ${placed[i]!.at}, ${send.values[0]} at ${at}`,
            },
          ]
        : [],
    );
  });
}

/** Within one epoch of a named producer, a write implies all writes that were sent before it. */
export function checkPredecessors(sends: readonly Send[], offsetsOf: Offsets): Anomaly[] {
  return byProducer(sends.filter(({ producer }) => producer)).flatMap((group) => {
    const missing = group.filter(({ values }) => !offsetsOf.has(values[0]!));
    return missing.flatMap((lacking) => {
      const later = group.find(
        (send) =>
          send.order > lacking.order &&
          send.producer!.epoch === lacking.producer!.epoch &&
          offsetsOf.has(send.values[0]!),
      );
      const detail = `${later?.values[0]} is there, ${lacking.values[0]} is not`;
      return later ? [{ name: 'a predecessor is missing' as const, detail }] : [];
    });
  });
}

/** After the first record of an epoch, no record of an earlier epoch is written. */
export function checkEpochs(sends: readonly Send[], offsetsOf: Offsets): Anomaly[] {
  return byProducer(sends.filter(({ producer }) => producer)).flatMap((group) => {
    const placed = group.flatMap((send) => (offsetsOf.get(send.values[0]!) ?? []).map((at) => ({ send, at })));
    placed.sort((a, b) => a.at - b.at);
    let newest = 0;
    return placed.flatMap(({ send, at }) => {
      const { epoch } = send.producer!;
      const isFenced = epoch < newest;
      newest = Math.max(newest, epoch);
      const detail = `${send.values[0]} of epoch ${epoch} at ${at}, behind epoch ${newest}`;
      return isFenced ? [{ name: 'written by a fenced epoch' as const, detail }] : [];
    });
  });
}

/**
 * The earliest time at which a write can have happened: as long as every answer was not-written, it had not happened.
 */
function earliestMs(send: Send): number {
  const refusals = send.tries.findIndex((told) => told !== 'not-written');
  return send.triedMs?.[refusals] ?? send.begunMs;
}

type Seen = { readonly atMs: number; readonly next: number; readonly who: string };

/** A record that was acknowledged or read before another write began must lie before that write. */
export function checkRealTime(sends: readonly Send[], polls: readonly Poll[]): Anomaly[] {
  const acked = sends.filter((send) => ackOf(send) !== undefined);
  const seen: Seen[] = [
    ...acked.map((send) => ({
      atMs: send.endedMs,
      next: ackOf(send)! + send.values.length,
      who: `${send.values[0]} was acknowledged`,
    })),
    ...polls.flatMap(({ endedMs: atMs, client, highWatermark: next }) =>
      atMs === undefined ? [] : [{ atMs, next, who: `${client} saw the end` }],
    ),
  ].sort((a, b) => a.atMs - b.atMs);
  const found: Anomaly[] = [];
  let highest: Seen | undefined;
  let passed = 0;
  for (const send of acked.sort((a, b) => earliestMs(a) - earliestMs(b))) {
    for (; passed < seen.length && seen[passed]!.atMs < earliestMs(send); passed++) {
      if (seen[passed]!.next > (highest?.next ?? 0)) highest = seen[passed];
    }
    if (highest && highest.next > ackOf(send)!)
      found.push({
        name: 'reordered in real time',
        detail: `${highest.who} below ${highest.next} before ${send.values[0]} began, which got ${ackOf(send)}`,
      });
  }
  return found;
}
