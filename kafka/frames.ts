// Cuts what a connection sends into frames.
//
// Invariant: a frame's length is checked, and its bytes are taken from the budget, before memory is allocated for it. Nothing
// is read while nobody asks for the next frame. The caller gives the bytes back.
import type { Socket } from 'node:net';
import type { Budget } from './budget.ts';
import { lengthPrefixBytes } from './codec/frame.ts';
import { MalformedFrameError } from './codec/malformed-frame.ts';
import type { Limits } from './limits.ts';

/** Tells the bounds of the next frame. */
type Bounds = () => readonly [least: number, most: number];

/** Throws MalformedFrameError, or the socket's own error. Ends when the client has ended. */
export async function* framesOf(
  socket: Socket,
  budget: Budget,
  limits: Limits,
  bounds: Bounds,
): AsyncGenerator<Buffer, void> {
  const source = bytesOf(socket);
  for (;;) {
    const prefix = await source.read(Buffer.alloc(lengthPrefixBytes));
    if (!prefix) return;
    const length = lengthIn(prefix, bounds());
    await budget.take(length);
    const frame = await inTime(socket, limits.frameMs, source.read(Buffer.allocUnsafe(length))).catch(() => undefined);
    if (!frame) {
      budget.giveBack(length);
      return;
    }
    yield frame;
  }
}

function lengthIn(prefix: Buffer, [least, most]: ReturnType<Bounds>): number {
  const length = prefix.readInt32BE();
  if (length >= least && length <= most) return length;
  throw new MalformedFrameError(`frame: expected ${least} to ${most} bytes, got ${length}${hint(prefix)}`);
}

/** People give this port to a client that uses TLS, or to one of our HTTP API. */
function hint(prefix: Buffer): string {
  if (prefix.readUInt16BE() === 0x1603) return ', the beginning of a TLS handshake: connect without TLS';
  const isHttp = /^(GET |HEAD|POST|PUT |PATC|DELE|OPTI)/.test(prefix.toString('latin1'));
  return isHttp ? ', the beginning of an HTTP request: the HTTP API has another port' : '';
}

/** Destroys the socket if the rest of the frame does not come: its bytes are missing to the others. */
async function inTime<T>(socket: Socket, ms: number, read: Promise<T>): Promise<T> {
  const timer = setTimeout(() => socket.destroy(), ms);
  try {
    return await read;
  } finally {
    clearTimeout(timer);
  }
}

/** The bytes of a socket, as many as are asked for. The iterator of a stream reads on only when it is asked to. */
function bytesOf(socket: Socket) {
  const chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
  let rest: Buffer = Buffer.alloc(0);
  return {
    /** Fills the target, or returns undefined if the client has ended before. */
    async read(target: Buffer): Promise<Buffer | undefined> {
      for (let filled = 0; filled < target.length; ) {
        if (rest.length === 0) {
          const { value, done } = await chunks.next();
          if (done) return undefined;
          rest = value;
        }
        const copied = rest.copy(target, filled);
        filled += copied;
        rest = rest.subarray(copied);
      }
      return target;
    },
  };
}
