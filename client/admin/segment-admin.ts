// This part of the administration shows where the records of a partition are stored, and reads the bytes of one piece.
import type { PartitionSegment, SegmentsReply } from '../../lib/api/segments.ts';
import { RivuletClientError } from '../client-error.ts';
import { errorOfAnswer } from '../transport/connection.ts';
import { paths } from '../transport/paths.ts';
import type { AdminCalls } from './admin-calls.ts';

/** Times are in epoch milliseconds. */
export type Segment = Omit<PartitionSegment, 'maxTimestampMs' | 'createdMs'> & {
  readonly maxTimestamp: number;
  readonly createdAt: number;
};

export type SegmentPage = Omit<SegmentsReply, 'segments'> & { readonly segments: readonly Segment[] };

export type ListSegments = {
  readonly topic: string;
  readonly partition: number;
  /** Default: the earliest offset. */
  readonly from?: number;
  /** 1..1,000. Default 100. */
  readonly limit?: number;
};

export type ReadSegment = {
  readonly topic: string;
  readonly partition: number;
  /** Any offset of the piece. */
  readonly offset: number;
  /** The object of the piece, as the list gave it. Default: the one that has the offset when the call begins. */
  readonly object?: string;
};

export const listSegments = (
  calls: AdminCalls,
  { topic, partition, from, limit }: ListSegments,
): Promise<SegmentPage> => calls.read<SegmentPage>(paths.segments(topic, partition), { from, limit });

/** Every request after the first names the object, so that no two objects are mixed when maintenance moves the records. */
export async function* readSegment(calls: AdminCalls, request: ReadSegment): AsyncGenerator<Uint8Array> {
  const { topic, partition, offset } = request;
  const path = paths.segment(topic, partition, offset);
  let { object } = request;
  for (let fromByte = 0, total = 1; fromByte < total; ) {
    const query = { object, fromByte };
    const { body, headers } = await calls.retrying(async () => {
      const answer = await calls.exchange({
        method: 'GET',
        path,
        query,
        accept: 'application/octet-stream',
        writes: false,
      });
      if (answer.status >= 300) throw errorOfAnswer(answer, false);
      return answer;
    });
    total = Number(headers['rivulet-segment-bytes']);
    object = String(headers['rivulet-segment-object']);
    const isLess = body.length === 0 && fromByte < total;
    if (!Number.isSafeInteger(total) || isLess)
      throw new RivuletClientError('GATEWAY_ERROR', `${path}: the answer has no bytes of a segment`, { status: 200 });
    yield body;
    fromByte += body.length;
  }
}
