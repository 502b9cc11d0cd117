// Judges a history when all is quiet.
import { type History, isAnswered, type Life, placeOf } from './history.ts';

export type Outcome = {
  readonly life: Life;
  /** The end of each partition's log, and the committed offset. */
  readonly ends: readonly number[];
  readonly committed: readonly number[];
  readonly retries: number;
};

export function check(history: History, { life, ends, committed, retries }: Outcome): string[] {
  const complaints = [...history.complaints];
  for (const [partition, end] of ends.entries()) {
    if (committed[partition] !== end)
      complaints.push(`partition ${partition} is stuck at ${committed[partition]} of ${end}`);
    for (let offset = 0; offset < end; offset++)
      if (!isAnswered(history, life, partition, offset))
        complaints.push(`record ${offset} of partition ${partition} was skipped`);
  }
  return [...complaints, ...afterDeletion(history), ...unseen(history, retries)];
}

/** No record is too old or too large here. So it is given up without a delivery only if each of its attempts ended with a run. */
function unseen({ deliveries, lettered, lostRuns }: History, retries: number): string[] {
  if (lostRuns > retries) return [];
  const seen = new Set(
    deliveries.flatMap(({ life, partition, offsets }) => offsets.map((offset) => placeOf(life, partition, offset))),
  );
  return [...lettered].filter((place) => !seen.has(place)).map((place) => `${place} was given up without a delivery`);
}

/** A run that had looked before the deletion may deliver the batch that it was about to deliver, and no other. */
function afterDeletion({ deliveries, deletions }: History): string[] {
  return deletions.flatMap(({ life, ackMs }) => {
    const late = deliveries.filter((delivery) => delivery.life === life && delivery.begunMs > ackMs);
    const runs = Map.groupBy(late, ({ run }) => run);
    return [...runs.values()]
      .filter(({ length }) => length > 1)
      .map((batches) => `a run began ${batches.length} batches of ${life} after it was deleted at ${ackMs}`);
  });
}
