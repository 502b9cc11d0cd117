// The transport of a browser, in place of sockets.ts: fetch() sends the requests, and the browser keeps the sockets.
import type { Answer, Transport } from './answer.ts';

/** The browser sets these itself, and pages may not. */
const ofTheBrowser: ReadonlySet<string> = new Set(['host', 'content-length', 'user-agent']);
/** No answer of the service comes near. Something else may answer at its address, and without end. */
const mostBytes = 64 * 1024 * 1024;

export function openTransport(): Transport {
  return async ({ method, target, headers, body }, signal) => {
    const given = Object.entries(headers).filter(([name]) => !ofTheBrowser.has(name));
    const reply = await fetch(target, {
      method,
      headers: Object.fromEntries(given),
      // A service elsewhere knows a page by its signature alone. A proxy that signs, at the page's own origin, knows it by a cookie.
      credentials: 'same-origin',
      redirect: 'manual',
      signal,
      ...(body.length > 0 && { body: Buffer.concat(body) }),
    });
    return { status: reply.status, headers: Object.fromEntries(reply.headers), body: await bodyOf(reply) };
  };
}

async function bodyOf(reply: Response): Promise<Answer['body']> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for (const reader = reply.body?.getReader(); reader; ) {
    const { value, done } = await reader.read();
    if (done) break;
    bytes += value.length;
    if (bytes > mostBytes) {
      await reader.cancel();
      throw new Error(`the answer has more than ${mostBytes} bytes`);
    }
    pieces.push(value);
  }
  return Buffer.concat(pieces);
}
