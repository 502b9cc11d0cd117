// Pack and upload: the runs of a request become one segment object, or a few small items of the table where the topic allows
// it. Either is durable before the sequencing names it.
import type { Entry } from '../partition/entry.ts';
import { segmentEpochAt } from '../partition/head.ts';
import { packSegment } from '../record/segment.ts';
import { segmentKey } from '../storage/keys.ts';
import type { Topic } from '../topic/topics.ts';
import type { AdmittedRun } from './admit.ts';
import type { LogContext } from './context.ts';
import { mayBeInline, type Place, putInline } from './inline.ts';

/** The parts are then durable, but invisible. The entries name them in order. */
export function upload(
  context: LogContext,
  topic: Topic,
  admitted: readonly AdmittedRun[],
  minEpoch: number,
): Promise<Entry[]> {
  const segmentEpoch = Math.max(minEpoch, segmentEpochAt(context.clock.now()));
  const put = mayBeInline(topic, admitted) ? putSmall : putSegment;
  return put(context, topic, admitted, segmentEpoch);
}

/** Puts items. If the table does not take them, this puts a segment. */
async function putSmall(
  context: LogContext,
  topic: Topic,
  admitted: readonly AdmittedRun[],
  segmentEpoch: number,
): Promise<Entry[]> {
  const places = await putInline(context, topic, admitted, segmentEpoch);
  return places ? entriesOf(admitted, segmentEpoch, places) : putSegment(context, topic, admitted, segmentEpoch);
}

/** Puts one segment for all parts with one PUT. */
async function putSegment(
  { objects, clock }: LogContext,
  { topicId }: Topic,
  admitted: readonly AdmittedRun[],
  segmentEpoch: number,
): Promise<Entry[]> {
  const segmentRandom = clock.randomBytes(8);
  const { chunks, positions } = packSegment(admitted);
  await objects.putOnce(segmentKey('ingest', topicId, segmentEpoch, segmentRandom), chunks);
  const places = positions.map((position) => ({ segmentRandom, position }));
  return entriesOf(admitted, segmentEpoch, places);
}

const entriesOf = (admitted: readonly AdmittedRun[], segmentEpoch: number, places: readonly Place[]): Entry[] =>
  admitted.map(({ bytes, recordCount, maxTimestampMs, producer }, i) => ({
    ...places[i]!,
    segmentEpoch,
    lengthBytes: bytes.length,
    recordCount,
    maxTimestampMs,
    ...(producer && { producer }),
  }));
