// Faults in a function, asked for by a header of the request: the test bundles wrap the real handlers in these, and nothing
// of it is in the bundles that ship. Faults of the storage act on the wire of this process, below the SDK.
//
//   rivulet-fault: kill-before            the process dies before the handler runs
//                  kill-during:<ms>       it dies so long after the handler began
//                  kill-after             it dies with the answer in its hands
//                  delay:<ms>             the handler begins so much later
//                  table-throttled[:<n>]  DynamoDB asks to slow down; store-throttled: S3 does. The first n requests, or all
//                  table-silent[:<n>]     it never answers and nothing is done; store-silent
//                  table-deaf[:<n>]       it does what it is asked and the answer is lost; store-deaf
import http from 'node:http';
import https from 'node:https';
import { syncBuiltinESMExports } from 'node:module';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { LambdaContext, LambdaEvent, LambdaResult } from '../../../functions/gateway.ts';

type Handler = (event: LambdaEvent, context: LambdaContext) => Promise<LambdaResult>;
type Fault = { readonly name: string; readonly argument: number | undefined };
type Request = typeof http.request;
type Options = http.RequestOptions & { readonly headers?: Record<string, string> };

const HEADER = 'rivulet-fault';

/** What the storage suffers during this request. */
let onWire: { target: 'table' | 'store'; kind: string; left: number } | undefined;

/** `load` imports the real function, once the wire is in our hands. */
export async function withFaults(load: () => Promise<{ handler: Handler }>): Promise<Handler> {
  await takeTheWire();
  const { handler } = await load();
  return async (event, context) => {
    const fault = faultOf(event.headers[HEADER]);
    onWire = fault && wireFault(fault);
    if (fault?.name === 'kill-before') die();
    if (fault?.name === 'kill-during') setTimeout(die, fault.argument);
    if (fault?.name === 'delay') await new Promise((resolve) => setTimeout(resolve, fault.argument));
    const result = await handler(event, context);
    if (fault?.name === 'kill-after') die();
    return result;
  };
}

function faultOf(header: string | undefined): Fault | undefined {
  const [, name, argument] = /^([a-z-]+)(?::(\d+))?$/.exec(header ?? '') ?? [];
  return name === undefined ? undefined : { name, argument: argument === undefined ? undefined : Number(argument) };
}

function wireFault({ name, argument = Number.POSITIVE_INFINITY }: Fault): typeof onWire {
  const [, target, kind] = /^(table|store)-(throttled|silent|deaf)$/.exec(name) ?? [];
  if (kind === undefined) return undefined;
  return { target: target as 'table' | 'store', kind, left: argument };
}

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('killed');
}

async function takeTheWire(): Promise<void> {
  const addresses = {
    table: await listen(answerOf(429, '{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}')),
    store: await listen(answerOf(503, '<Error><Code>SlowDown</Code></Error>')),
    silent: await listen(() => undefined),
  };
  for (const module of [http, https]) {
    const send = module.request as Request;
    module.request = ((options: Options, onReply: (reply: http.IncomingMessage) => void) => {
      const fault = takeFault(options);
      if (fault === undefined) return send(options, onReply);
      if (fault === 'deaf') return deaf(send, options);
      const { port } = addresses[fault === 'silent' ? fault : targetOf(options)];
      const { agent: _agent, ...rest } = options;
      return plainRequest({ ...rest, protocol: 'http:', host: '127.0.0.1', hostname: '127.0.0.1', port }, onReply);
    }) as Request;
  }
  syncBuiltinESMExports();
}

const plainRequest = http.request;

const targetOf = ({ headers = {} }: Options) => ('x-amz-target' in headers ? 'table' : 'store');

function takeFault(options: Options): 'throttled' | 'silent' | 'deaf' | undefined {
  if (onWire?.target !== targetOf(options) || onWire.left <= 0) return undefined;
  onWire.left -= 1;
  return onWire.kind as 'throttled' | 'silent' | 'deaf';
}

/** Sent and done; then the connection breaks where the answer should have come. */
function deaf(send: Request, options: Options): http.ClientRequest {
  const request = send(options, () => {
    request.destroy(Object.assign(new Error('the answer is lost'), { code: 'ECONNRESET' }));
  });
  return request;
}

async function listen(serve: (socket: Socket) => void): Promise<AddressInfo> {
  const server = createServer(serve).unref();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server.address() as AddressInfo;
}

/** The same to every request, whatever it is. */
const answerOf = (status: number, body: string) => (socket: Socket) => {
  const head = [`HTTP/1.1 ${status} Injected`, `content-length: ${body.length}`, 'connection: close'];
  socket.once('data', () => socket.end(`${head.join('\r\n')}\r\n\r\n${body}`));
  socket.on('error', () => undefined);
};
