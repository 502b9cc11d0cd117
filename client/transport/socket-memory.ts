// How answers are read from their sockets. Node alone takes new memory for every 64 KiB that arrive, its parser copies them,
// and the copies are joined at the end. V8 collects garbage after every few megabytes of such memory. So a socket reads into
// memory that it keeps, in larger steps for long bodies, and each piece is copied to its place when it is handed over.
//
// Invariant: memory is read into again only when everything that was read into it has been handed over and copied. It does not
// matter whether the parser copies: a piece may be a view of that memory.
import type { IncomingMessage, OnRead, Socket } from './node.ts';

const shortStepBytes = 16 * 1024;
const longStepBytes = 256 * 1024;
/** A server that claims a longer body gets memory only as the body arrives. */
const mostBytesAhead = 16 * 1024 * 1024;
/** No answer of the service comes near. Something else may answer at its address, and without end. */
const mostBytes = 64 * 1024 * 1024;

const replies = new WeakMap<Socket, IncomingMessage>();

/** @param make returns a new socket with this option. */
export function keepingMemory(make: (onread: OnRead) => Socket): Socket {
  let socket: Socket | undefined;
  let memory = Buffer.allocUnsafeSlow(shortStepBytes);
  const buffer = () => {
    const reply = socket && replies.get(socket);
    const stepBytes = reply && bodyBytes(reply) > longStepBytes ? longStepBytes : shortStepBytes;
    const isFree = !socket?.readableLength && !reply?.readableLength;
    if (!isFree || memory.length < stepBytes) memory = Buffer.allocUnsafeSlow(stepBytes);
    return memory;
  };
  const callback = (bytes: number, from: Uint8Array) => socket!.push(from.subarray(0, bytes));
  socket = make({ buffer, callback });
  return socket;
}

const bodyBytes = ({ headers }: IncomingMessage): number => Number(headers['content-length'] ?? 0);

/** Resolves with the whole body. Rejects if it is too long, or if the connection ends before that. Call it as soon as the head is there. */
export function bodyOf(reply: IncomingMessage): Promise<Buffer> {
  const { socket } = reply;
  replies.set(socket, reply);
  const claimed = bodyBytes(reply);
  const body = claimed > 0 && claimed <= mostBytesAhead ? knownBody(claimed) : unknownBody();
  let bytes = 0;
  return new Promise((resolve, reject) => {
    reply.on('data', (piece) => {
      bytes += piece.length;
      if (bytes <= mostBytes) body.add(piece);
      else reply.destroy(new Error(`the answer has more than ${mostBytes} bytes`));
    });
    reply.on('error', reject);
    reply.on('end', () => resolve(body.whole()));
  });
}

type Body = { readonly add: (piece: Buffer) => void; readonly whole: () => Buffer };

function knownBody(bytes: number): Body {
  const body = Buffer.allocUnsafeSlow(bytes);
  let at = 0;
  return {
    add: (piece) => {
      body.set(piece, at);
      at += piece.length;
    },
    whole: () => body.subarray(0, at),
  };
}

function unknownBody(): Body {
  const pieces: Buffer[] = [];
  return { add: (piece) => pieces.push(Buffer.from(piece)), whole: () => Buffer.concat(pieces) };
}
