// Pack and upload: the runs of a request become one segment object, or a few small items of the table where the topic allows
// it. Either is durable before the sequencing names it.
import type { Entry } from '../partition/entry.ts';
import { segmentEpochAt } from '../partition/head.ts';
import { packSegment } from '../record/segment.ts';
import { segmentKey } from '../storage/keys.ts';
import type { Topic } from '../topic/topics.ts';
import type { AdmittedRun } from './admit.ts';
import type { LogContext } from './context.ts';
import { type Place, putInline } from './inline.ts';

/** The parts are then durable, but invisible. The entries name them in order. */
export async function upload(
  context: LogContext,
  topic: Topic,
  admitted: readonly AdmittedRun[],
  minEpoch: number,
): Promise<Entry[]> {
  const segmentEpoch = Math.max(minEpoch, segmentEpochAt(context.clock.now()));
  const places =
    (await putInline(context, topic, admitted, segmentEpoch)) ??
    (await putSegment(context, topic, admitted, segmentEpoch));
  return admitted.map(({ bytes, recordCount, maxTimestampMs, producer }, i) => ({
    ...places[i]!,
    segmentEpoch,
    lengthBytes: bytes.length,
    recordCount,
    maxTimestampMs,
    ...(producer && { producer }),
  }));
}

/** Puts one segment for all parts with one PUT. */
async function putSegment(
  { objects, clock }: LogContext,
  { topicId }: Topic,
  admitted: readonly AdmittedRun[],
  segmentEpoch: number,
): Promise<Place[]> {
  const segmentRandom = clock.randomBytes(8);
  const { chunks, positions } = packSegment(admitted);
  await objects.putOnce(segmentKey('ingest', topicId, segmentEpoch, segmentRandom), chunks);
  return positions.map((position) => ({ segmentRandom, position }));
}
