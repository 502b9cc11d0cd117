// A webhook for the tests: an HTTP server on loopback that keeps what it received and answers as the test says.
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Received = { readonly headers: IncomingHttpHeaders; readonly body: string; readonly path: string };
export type Responder = (response: ServerResponse, received: Received) => void;

export type Receiver = {
  readonly port: number;
  readonly url: string;
  readonly received: Received[];
  respond: Responder;
  close(): Promise<void>;
};

export async function startReceiver(respond: Responder = (response) => response.end()): Promise<Receiver> {
  const receiver = { received: [] as Received[], respond };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const one = { headers: request.headers, body: Buffer.concat(chunks).toString(), path: request.url ?? '' };
    receiver.received.push(one);
    receiver.respond(response, one);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return Object.assign(receiver, { port, url: `http://127.0.0.1:${port}/orders`, close });
}
