// An API behind a server. The suite speaks to it as clients do: over a socket, with signed requests.

import type { HttpApi } from '../../http/http-event.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { startServer } from '../../local/server.ts';
import { sendSigned } from '../../tools/emulator/signed-request.ts';
import type { Target } from './target.ts';

/** `close` runs after the server has ended. */
export async function serveTarget(api: HttpApi, close: () => Promise<void> | void): Promise<Target> {
  const credentials = { accessKeyId: 'conformance', secretAccessKey: 'secret' };
  const server = await startServer({ api, credentials: [credentials], clock: systemClock });
  return {
    send: (request) => sendSigned(server.url, credentials, request),
    close: async () => {
      await server.close();
      await close();
    },
  };
}
