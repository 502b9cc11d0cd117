// Cuts what a connection sends into frames.
//
// Invariant: a frame's length is checked, and its bytes are taken from the budget, before memory is allocated for it: those of
// a long frame when its beginning has arrived, because to announce a length costs a client nothing. Nothing is read while
// nobody asks for the next frame. The caller gives the bytes back.
import type { Socket } from 'node:net';
import type { Budget } from './budget.ts';
import { lengthPrefixBytes } from './codec/frame.ts';
import { MalformedFrameError } from './codec/malformed-frame.ts';
import { httpAnswer, isHttp } from './http-answer.ts';
import type { Limits } from './limits.ts';

/** Tells the bounds of the next frame. */
type Bounds = () => readonly [least: number, most: number];

/** Throws MalformedFrameError, also if a frame does not come whole in time. Ends when the client has ended. */
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
    const frame = await frameOf(source, length, budget, limits);
    if (!frame) return;
    yield frame;
  }
}

/** Undefined if the client has ended before. The budget gets back then what was taken from it. */
async function frameOf(source: Source, length: number, budget: Budget, limits: Limits): Promise<Buffer | undefined> {
  let taken = 0;
  let frame: Buffer | undefined;
  const take = async (bytes: number): Promise<void> => {
    await budget.take(bytes);
    taken += bytes;
  };
  try {
    frame = await readFrame(source, length, take, limits);
    return frame;
  } finally {
    if (!frame) budget.giveBack(taken);
  }
}

async function readFrame(
  source: Source,
  length: number,
  take: (bytes: number) => Promise<void>,
  { announcedBytes, frameMs, framePauseMs }: Limits,
): Promise<Buffer | undefined> {
  const beginning = Math.min(length, announcedBytes);
  await take(beginning);
  const first = await source.read(Buffer.allocUnsafe(beginning), { wholeMs: frameMs });
  if (!first || beginning === length) return first;
  await take(length - beginning);
  const whole = Buffer.allocUnsafe(length);
  first.copy(whole);
  return source.read(whole, { from: beginning, wholeMs: frameMs, pauseMs: framePauseMs });
}

function lengthIn(prefix: Buffer, [least, most]: ReturnType<Bounds>): number {
  const length = prefix.readInt32BE();
  if (length >= least && length <= most) return length;
  const answer = isHttp(prefix) ? httpAnswer : undefined;
  throw new MalformedFrameError(`frame: expected ${least} to ${most} bytes, got ${length}${hint(prefix)}`, answer);
}

/** People give this port to a client that uses TLS, or to one of our HTTP API. */
function hint(prefix: Buffer): string {
  if (prefix.readUInt16BE() === 0x1603) return ', the beginning of a TLS handshake: connect without TLS';
  return isHttp(prefix) ? ', the beginning of an HTTP request: the HTTP API has another port' : '';
}

type Source = ReturnType<typeof bytesOf>;
type Terms = {
  /** The bytes before this one are there already. */
  readonly from?: number;
  readonly wholeMs?: number;
  readonly pauseMs?: number;
};

const forEver = Number.POSITIVE_INFINITY;

/** The bytes of a socket, as many as are asked for. The iterator of a stream reads on only when it is asked to. */
function bytesOf(socket: Socket) {
  const chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
  let rest: Buffer = Buffer.alloc(0);
  /** An error of the socket is an end too. */
  const next = () =>
    chunks.next().then(
      ({ value }) => value,
      () => undefined,
    );
  return {
    /** Fills the target, or returns undefined if the client has ended before. Throws if it takes longer than the terms say. */
    async read(
      target: Buffer,
      { from = 0, wholeMs = forEver, pauseMs = forEver }: Terms = {},
    ): Promise<Buffer | undefined> {
      const endMs = performance.now() + wholeMs;
      for (let filled = from; filled < target.length; ) {
        if (rest.length === 0) {
          const value = await within(Math.min(endMs - performance.now(), pauseMs), next(), () => late(target, filled));
          if (!value) return undefined;
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

const late = ({ length }: Buffer, filled: number) =>
  new MalformedFrameError(`frame: expected ${length} bytes without a long pause, got ${filled} so far`);

async function within<T>(ms: number, work: Promise<T>, error: () => Error): Promise<T> {
  if (ms === forEver) return work;
  const { promise: isOver, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(error()), Math.max(0, ms));
  try {
    return await Promise.race([work, isOver]);
  } finally {
    clearTimeout(timer);
  }
}
