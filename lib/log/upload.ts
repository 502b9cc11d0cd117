// Pack and upload: the runs of a request become one segment object. The segment is durable before the sequencing names it.
import type { Entry } from '../partition/entry.ts';
import { segmentEpochAt } from '../partition/head.ts';
import { packSegment } from '../record/segment.ts';
import { segmentKey } from '../storage/keys.ts';
import type { AdmittedRun } from './admit.ts';
import type { LogContext } from './context.ts';

/**
 * Puts all runs into one segment, with one PUT. It is then durable, but invisible. The entries name the runs in order.
 * With group commit, runs of other requests may be in the same segment.
 */
export function upload(
  context: LogContext,
  topicId: string,
  admitted: readonly AdmittedRun[],
  minEpoch: number,
): Promise<Entry[]> {
  const put = (runs: readonly AdmittedRun[], epoch: number) => putSegment(context, topicId, runs, epoch);
  return context.groups ? context.groups.put(topicId, admitted, minEpoch, put) : put(admitted, minEpoch);
}

async function putSegment(
  context: LogContext,
  topicId: string,
  runs: readonly AdmittedRun[],
  minEpoch: number,
): Promise<Entry[]> {
  const segmentEpoch = Math.max(minEpoch, segmentEpochAt(context.clock.now()));
  const segmentRandom = context.clock.randomBytes(8);
  const { chunks, positions } = packSegment(runs);
  await context.objects.putOnce(segmentKey('ingest', topicId, segmentEpoch, segmentRandom), chunks);
  return runs.map(({ bytes, recordCount, maxTimestampMs, producer }, i) => ({
    segmentEpoch,
    segmentRandom,
    position: positions[i]!,
    lengthBytes: bytes.length,
    recordCount,
    maxTimestampMs,
    ...(producer && { producer }),
  }));
}
