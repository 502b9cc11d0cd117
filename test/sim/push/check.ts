// Judges a history when all is quiet.
import { type History, isAnswered, type Life } from './history.ts';

export type Outcome = {
  readonly life: Life;
  /** The end of each partition's log, and the committed offset. */
  readonly ends: readonly number[];
  readonly committed: readonly number[];
};

export function check(history: History, { life, ends, committed }: Outcome): string[] {
  const complaints = [...history.complaints];
  for (const [partition, end] of ends.entries()) {
    if (committed[partition] !== end)
      complaints.push(`partition ${partition} is stuck at ${committed[partition]} of ${end}`);
    for (let offset = 0; offset < end; offset++)
      if (!isAnswered(history, life, partition, offset))
        complaints.push(`record ${offset} of partition ${partition} was skipped`);
  }
  return [...complaints, ...afterDeletion(history)];
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
