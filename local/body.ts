// This file collects a request's body into one piece of memory, and never more of it than the limit. Each byte is copied at
// most once, and a body that came in one chunk is not copied at all.
import type { IncomingMessage } from 'node:http';
import { invalid } from '../lib/api/refusal.ts';
import { bodyTooLarge, type RequestHead } from './request.ts';

/** Throws BODY_TOO_LARGE as soon as a chunked body passes the limit. The rest is left unread. */
export function readBody(message: IncomingMessage, head: RequestHead): Promise<Uint8Array> {
  if (!head.hasBody) return Promise.resolve(new Uint8Array(0));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const settle = (act: () => void): void => {
      message.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone);
      act();
    };
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      chunks.push(chunk);
      if (bytes > head.maxBodyBytes)
        settle(() => reject(bodyTooLarge(head.maxBodyBytes, `more than ${head.maxBodyBytes} bytes`)));
    };
    const onEnd = (): void => settle(() => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, bytes)));
    const onGone = (): void =>
      settle(() => reject(invalid('body: expected the whole body, got only a part before the connection ended')));
    message.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone);
  });
}
