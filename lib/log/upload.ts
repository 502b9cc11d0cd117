// Pack and upload: the runs of a request become one segment object, or a few small items of the table where the topic allows
// it. Either is durable before the sequencing names it, or in the same commit.
import type { Entry, EntryPlace } from '../partition/entry.ts';
import { segmentEpochAt } from '../partition/head.ts';
import { packSegment } from '../record/segment.ts';
import { segmentKey } from '../storage/keys.ts';
import type { Item } from '../storage/table.ts';
import type { Topic } from '../topic/topics.ts';
import type { AdmittedRun } from './admit.ts';
import type { LogContext } from './context.ts';
import { type InlinePlace, mayBeInline, putInline } from './inline.ts';

export type Uploaded = {
  readonly entry: Entry;
  /** This item is not stored yet: the update of the head must store it in the same commit. */
  readonly unstored?: Item;
};

/**
 * The runs are then durable, but invisible; `unstored` ones are neither. The entries name them in order. With group commit,
 * runs of other requests may be in the same segment.
 */
export async function upload(
  context: LogContext,
  topic: Topic,
  admitted: readonly AdmittedRun[],
  minEpoch: number,
): Promise<Uploaded[]> {
  const inline = mayBeInline(topic, admitted)
    ? await putInline(context, topic, admitted, epochNow(context, minEpoch))
    : undefined;
  const places: InlinePlace[] = inline ?? (await putTogether(context, topic, admitted, minEpoch));
  return admitted.map(({ bytes, recordCount, maxTimestampMs, producer }, i) => {
    const { unstored, ...place } = places[i]!;
    const entry = { ...place, lengthBytes: bytes.length, recordCount, maxTimestampMs, ...(producer && { producer }) };
    return { entry, ...(unstored && { unstored }) };
  });
}

const epochNow = ({ clock }: LogContext, minEpoch: number): number => Math.max(minEpoch, segmentEpochAt(clock.now()));

function putTogether(context: LogContext, topic: Topic, admitted: readonly AdmittedRun[], minEpoch: number) {
  const put = (runs: readonly AdmittedRun[], epoch: number) => putSegment(context, topic, runs, epoch);
  return context.groups ? context.groups.put(topic.topicId, admitted, minEpoch, put) : put(admitted, minEpoch);
}

/** Puts one segment for all runs, with one PUT. */
async function putSegment(
  context: LogContext,
  { topicId }: Topic,
  runs: readonly AdmittedRun[],
  minEpoch: number,
): Promise<EntryPlace[]> {
  const segmentEpoch = epochNow(context, minEpoch);
  const segmentRandom = context.clock.randomBytes(8);
  const { chunks, positions } = packSegment(runs);
  await context.objects.putOnce(segmentKey('ingest', topicId, segmentEpoch, segmentRandom), chunks);
  return positions.map((position) => ({ segmentEpoch, segmentRandom, position }));
}
