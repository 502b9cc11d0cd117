// These checks judge the answers that are not acknowledgements. Each must say no more and no less than the faults
// explain. They apply only where the history records the faults, and when each try began.
import { ackOf, type History, isSameProducer, type Send } from '../history.ts';
import { type Anomaly, type Log, ofSend } from './anomaly.ts';

/**
 * A read of a head takes less than this when nothing goes wrong, so every new copy of the head contains older
 * acknowledgements.
 */
const readMs = 100;

export function checkCauses(sends: readonly Send[], log: Log, { disturbances, doubts }: History): Anomaly[] {
  if (!disturbances) return [];
  return sends.flatMap((send) =>
    (send.triedMs ?? []).flatMap((begunMs, i) => {
      const told = send.tries[i];
      if (told === undefined || typeof told === 'number' || told === 'written') return [];
      const endedMs = send.answeredMs?.[i] ?? send.triedMs![i + 1] ?? send.endedMs;
      const during = (times: readonly number[]) => times.filter((atMs) => atMs >= begunMs && atMs <= endedMs).length;
      const causes = during(disturbances);
      const isUnsure = doubts === undefined || during(doubts) > 0;
      const isAhead = mayBeRefused(send, sends, send.answeredMs ? endedMs - readMs : begunMs);
      const said = `try ${i + 1} of ${send.tries.length} is told ${told}; ${causes} things went wrong`;
      if (told === 'not-written')
        return causes > 0 || isAhead || isElsewhere(send, log) ? [] : [ofSend('refused without a cause', send, said)];
      const isOpen = isAhead || mayBeAhead(send, sends, endedMs - 2 * readMs);
      const isExplained = isUnsure && causes >= (told === 'lost' || isOpen ? 1 : 2);
      return isExplained ? [] : [ofSend('unknown without a cause', send, said)];
    }),
  );
}

/** From what was known at `atMs`, the answer may be a gap, or that a newer epoch of its producer is at work. */
const mayBeRefused = (send: Send, sends: readonly Send[], atMs: number) =>
  send.idempotent &&
  sends.some((other) => {
    if (other === send || !isSameProducer(other, send)) return false;
    if ((other.producer?.epoch ?? 0) > (send.producer?.epoch ?? 0)) return other.begunMs <= atMs + readMs;
    return other.order < send.order && (ackOf(other) === undefined || other.endedMs > atMs);
  });

/** True for a conditional append when another record stands at the expected offset. */
const isElsewhere = ({ expectedOffset, values }: Send, log: Log) =>
  expectedOffset !== undefined && log[expectedOffset]?.value !== values[0];

/** True for a conditional append whose offset, from what was known at `atMs`, was not reached yet but may still be. */
const mayBeAhead = ({ expectedOffset }: Send, sends: readonly Send[], atMs: number) =>
  expectedOffset !== undefined &&
  !sends.some((other) => other.endedMs < atMs && (ackOf(other) ?? -1) + other.values.length > expectedOffset);
