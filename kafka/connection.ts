// One connection: its requests begin and are answered in the order in which they came.
//
// Invariant: a request that changes something begins when all earlier ones are answered, and later ones wait for it. Only
// produces and pure reads are at work beside each other, and of the reads with large replies one. A failure beyond an error
// code closes the connection, and no later reply is sent.
import { setMaxListeners } from 'node:events';
import type { Socket } from 'node:net';
import { invalid } from '../lib/api/refusal.ts';
import type { Client, Gateway } from './api.ts';
import type { Session } from './auth/session.ts';
import type { Budget } from './budget.ts';
import { MalformedFrameError } from './codec/malformed-frame.ts';
import { type Reply, type Request, requestOf } from './dispatch.ts';
import { createPartitionsSeen, type PartitionsSeen } from './fetch/partitions-seen.ts';
import { framesOf } from './frames.ts';
import type { Limits } from './limits.ts';

export type Connection = {
  /** Ends waits, takes no further request, and closes when what is under way is answered. */
  finish(): void;
  destroy(): void;
};

type Options = {
  readonly gateway: Gateway;
  readonly budget: Budget;
  readonly limits: Limits;
  /** Tells the connections of a server apart. */
  readonly number: number;
  readonly session: Session;
};

export function serveConnection(socket: Socket, options: Options): Connection {
  const left = new AbortController();
  setMaxListeners(0, left.signal);
  const state: State = {
    socket,
    ...options,
    fetched: createPartitionsSeen(),
    signal: left.signal,
    client: { softwareName: '' },
    answered: Promise.resolve(),
  };
  const close = (error: unknown): void => {
    // A client that goes away is no failure.
    if (!socket.destroyed) options.gateway.onError(error);
    const answer = error instanceof MalformedFrameError ? error.answer : undefined;
    if (answer === undefined) socket.destroy();
    else sayGoodbye(socket, answer, options.limits);
  };
  socket.setNoDelay(true);
  socket.setKeepAlive(true, options.limits.keepAliveMs);
  socket.setTimeout(options.limits.idleMs, () => socket.destroy());
  socket.on('close', () => left.abort());
  socket.on('error', () => socket.destroy());
  void serve(state, close).catch(close);
  return {
    finish() {
      left.abort();
      void state.answered.catch(() => undefined).then(() => socket.destroySoon());
    },
    destroy: () => socket.destroy(),
  };
}

/** To close immediately, with bytes of the client unread, would reset the connection, and the answer be lost with it. */
function sayGoodbye(socket: Socket, answer: string, { lingerMs }: Limits): void {
  socket.end(answer);
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(timer));
}

type State = Options & {
  readonly socket: Socket;
  readonly fetched: PartitionsSeen;
  /** The client has gone, or the server closes. */
  readonly signal: AbortSignal;
  readonly client: Client;
  /** Resolves when all requests so far are answered. */
  answered: Promise<void>;
};

async function serve(state: State, close: (error: unknown) => void): Promise<void> {
  const { socket, budget, limits, signal, session } = state;
  const room = createRoom(limits);
  let changed = Promise.resolve();
  let turn = Promise.resolve();
  for await (const frame of framesOf(socket, budget, limits, session.frameBytes)) {
    if (signal.aborted) return budget.giveBack(frame.length);
    const receivedMs = performance.now();
    const request = requestIn(frame, budget, session);
    const bytes = frame.length + request.elementBytes;
    budget.count(request.elementBytes);
    room.enter(bytes);
    const { overlaps, takesTurns } = request;
    const mayBegin = takesTurns ? turn : overlaps ? changed : state.answered;
    const reply = mayBegin.then(() => begin(state, request, receivedMs));
    state.answered = answerInTurn(state, reply).finally(() => {
      budget.giveBack(bytes);
      room.leave(bytes);
    });
    state.answered.catch(close);
    if (!overlaps) changed = state.answered;
    if (!overlaps || takesTurns) turn = state.answered;
    await room.free();
    // The next frame is judged by what this one has proved.
    if (request.authenticates) await state.answered;
  }
}

/** The reply counts from now on: it may have to wait for earlier ones. */
async function begin(state: State, request: Request, receivedMs: number): Promise<Reply | undefined> {
  const { gateway, socket, budget, signal, fetched, number, client, session } = state;
  await budget.repliesFit();
  const host = socket.remoteAddress ?? '';
  let taken = 0;
  const roomFor = async (bytes: number): Promise<void> => {
    await budget.takeForReply(bytes);
    taken += bytes;
  };
  try {
    const origin = { connection: number, host, receivedMs, signal, client, session, fetched, roomFor };
    const pieces = await request.answer(gateway, origin);
    if (pieces) budget.countReply(bytesOf(pieces));
    return pieces;
  } finally {
    budget.giveBackReply(taken);
  }
}

const bytesOf = (pieces: Reply): number => pieces.reduce((sum, piece) => sum + piece.length, 0);

/** A frame that is no request gives its bytes back. */
function requestIn(frame: Buffer, budget: Budget, session: Session): Request {
  try {
    return requestOf(frame, session);
  } catch (error) {
    budget.giveBack(frame.length);
    throw error;
  }
}

/** Sends the reply when all earlier ones are sent. */
async function answerInTurn(state: State, reply: Promise<Reply | undefined>): Promise<void> {
  const { answered } = state;
  const made = reply.catch(() => undefined);
  try {
    await answered;
    const pieces = await reply;
    if (pieces) await send(state, pieces);
    if (state.session.hasFailed()) state.socket.destroySoon();
  } finally {
    state.budget.giveBackReply(bytesOf((await made) ?? []));
  }
}

/** Resolves when the reply has left this process, or cannot. */
async function send({ socket, limits, gateway }: State, pieces: Reply): Promise<void> {
  const timer = setTimeout(() => {
    gateway.onError(invalid(`reply: expected the client to read it within ${limits.unreadReplyMs} ms`));
    socket.destroy();
  }, limits.unreadReplyMs);
  await written(socket, pieces);
  clearTimeout(timer);
}

function written(socket: Socket, pieces: Reply): Promise<void> {
  return new Promise((resolve) => {
    socket.cork();
    for (const piece of pieces.slice(0, -1)) socket.write(piece);
    socket.write(pieces.at(-1)!, () => resolve());
    socket.uncork();
  });
}

/** Bounds the requests of one connection that are unanswered: it is read on when there is room. */
function createRoom({ unansweredRequests, unansweredBytes }: Limits) {
  let requests = 0;
  let bytes = 0;
  let resume: (() => void) | undefined;
  const isFull = (): boolean => requests >= unansweredRequests || bytes >= unansweredBytes;
  return {
    enter(frameBytes: number): void {
      requests++;
      bytes += frameBytes;
    },
    leave(frameBytes: number): void {
      requests--;
      bytes -= frameBytes;
      if (!isFull()) resume?.();
    },
    free: (): Promise<void> =>
      new Promise((resolve) => {
        resume = resolve;
        if (!isFull()) resolve();
      }),
  };
}
