// This is the framing of binary HTTP bodies (application/vnd.rivulet.batches.v1). The server and the client SDK share it.
// All integers are big-endian, like Kafka's. No batch of a reply is copied: decoding returns views into the body, and
// encoding returns a list of pieces.
//
//   produce request:  repeated { int32 partition, int32 length, length bytes of whole RecordBatch v2 }
//   fetch reply:      repeated { int32 partition, int16 errorCode, int64 highWatermark, int64 logStartOffset,
//                                int32 length, length bytes of whole RecordBatch v2 }
//
// Invariant: a body that decodes consists of whole frames only. It has at most 256 of them, and no two are of the same
// partition.
import { RivuletError } from '../api/errors.ts';
import { limits } from '../api/limits.ts';

export const BATCHES_MEDIA_TYPE = 'application/vnd.rivulet.batches.v1';

const PRODUCE_HEADER_BYTES = 8;
const FETCH_HEADER_BYTES = 26;

/** These are one or more whole RecordBatch v2 of one partition. */
export type ProduceFrame = { readonly partition: number; readonly batches: Uint8Array };

export type FetchFrameHeader = {
  readonly partition: number;
  /** This is Kafka's error number. 0 means that there is no error. */
  readonly errorCode: number;
  /** This is -1 where the error leaves it unknown. The same holds for `logStartOffset`. */
  readonly highWatermark: number;
  readonly logStartOffset: number;
};
export type FetchFrame = FetchFrameHeader & { readonly batches: Uint8Array };

/** Returns the body in pieces, like encodeFetchFrames(). */
export function produceFramesInPieces(
  frames: readonly { readonly partition: number; readonly batches: readonly Uint8Array[] }[],
): Uint8Array[] {
  return frames.flatMap(({ partition, batches }) => [produceHeader(partition, totalBytes(batches)), ...batches]);
}

/** Returns the body in one piece. */
export function encodeProduceFrames(frames: readonly ProduceFrame[]): Uint8Array {
  const pieces = produceFramesInPieces(frames.map(({ partition, batches }) => ({ partition, batches: [batches] })));
  return new Uint8Array(Buffer.concat(pieces));
}

function produceHeader(partition: number, length: number): Uint8Array {
  const bytes = new Uint8Array(PRODUCE_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, partition);
  view.setInt32(4, length);
  return bytes;
}

/** Throws RivuletError INVALID_REQUEST, which names the position and the wrong value. */
export function decodeProduceFrames(body: Uint8Array): ProduceFrame[] {
  return decodeFrames(body, PRODUCE_HEADER_BYTES, limits.appendPartitions, (view, at, batches) => ({
    partition: view.getInt32(at),
    batches,
  }));
}

/**
 * Returns the body in pieces. The batches stay as they were given: those of one frame may lie in several pieces, one
 * after the other.
 */
export function encodeFetchFrames(
  frames: readonly (FetchFrameHeader & { readonly batches: readonly Uint8Array[] })[],
): Uint8Array[] {
  return frames.flatMap(({ batches, ...header }) => [fetchHeader(header, totalBytes(batches)), ...batches]);
}

function fetchHeader({ partition, errorCode, highWatermark, logStartOffset }: FetchFrameHeader, length: number) {
  const bytes = new Uint8Array(FETCH_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, partition);
  view.setInt16(4, errorCode);
  view.setBigInt64(6, BigInt(highWatermark));
  view.setBigInt64(14, BigInt(logStartOffset));
  view.setInt32(22, length);
  return bytes;
}

/** Throws RivuletError INVALID_REQUEST, which names the position and the wrong value. */
export function decodeFetchFrames(body: Uint8Array): FetchFrame[] {
  return decodeFrames(body, FETCH_HEADER_BYTES, limits.fetchPartitions, (view, at, batches) => ({
    partition: view.getInt32(at),
    errorCode: view.getInt16(at + 4),
    highWatermark: offsetAt(view, at + 6, 'highWatermark'),
    logStartOffset: offsetAt(view, at + 14, 'logStartOffset'),
    batches,
  }));
}

type FrameReader<Frame> = (view: DataView, at: number, batches: Uint8Array) => Frame;

/** Both layouts begin with the partition, and their headers end with the length of what follows. */
function decodeFrames<Frame>(body: Uint8Array, headerBytes: number, most: number, read: FrameReader<Frame>): Frame[] {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const seen = new Set<number>();
  const frames: Frame[] = [];
  let at = 0;
  while (at < body.length) {
    if (body.length - at < headerBytes)
      throw malformed(at, `a frame header takes ${headerBytes} bytes, ${body.length - at} are left`);
    if (frames.length === most) throw malformed(at, `more than ${most} frames`);
    checkPartition(view.getInt32(at), at, seen);
    const start = at + headerBytes;
    const length = checkLength(view.getInt32(start - 4), start, body.length);
    frames.push(read(view, at, body.subarray(start, start + length)));
    at = start + length;
  }
  return frames;
}

function checkPartition(partition: number, at: number, seen: Set<number>): void {
  if (partition < 0) throw malformed(at, `partition ${partition} is negative`);
  if (seen.has(partition)) throw malformed(at, `partition ${partition} has a frame already`);
  seen.add(partition);
}

function checkLength(length: number, start: number, bodyBytes: number): number {
  if (length < 0) throw malformed(start - 4, `length ${length} is negative`);
  if (length > bodyBytes - start)
    throw malformed(start - 4, `length ${length} is more than the ${bodyBytes - start} bytes that are left`);
  return length;
}

function offsetAt(view: DataView, at: number, name: string): number {
  const value = view.getBigInt64(at);
  if (value < -1n || value > BigInt(limits.maxOffset)) throw malformed(at, `${name} ${value} is out of range`);
  return Number(value);
}

function malformed(at: number, what: string): RivuletError {
  return new RivuletError('INVALID_REQUEST', `frames, byte ${at}: ${what}`, { extra: { field: 'body', position: at } });
}

function totalBytes(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}
