// Faults in a function, which a header of the request asks for. The test bundles wrap the real handlers in them, and the
// bundles that ship contain none of this code. Faults of the storage act on the wire of this process, below the SDK.
//
//   rivulet-fault: kill-before            the process dies before the handler runs
//                  kill-during:<ms>       the process dies this long after the handler began
//                  kill-after             the process dies after the handler, before it sends the answer
//                  delay:<ms>             the handler begins this much later
//                  table-throttled[:<n>]  DynamoDB throttles the first n requests, or all; store-throttled: S3 does
//                  table-silent[:<n>]     DynamoDB never answers and does nothing; store-silent: S3
//                  table-deaf[:<n>]       DynamoDB does the request and its answer is lost; store-deaf: S3
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

/** The fault of the storage during this request. */
let onWire: { target: 'table' | 'store'; kind: string; left: number } | undefined;

/** `load` imports the real function. It is called after we have replaced the wire. */
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

/** Sends the request, which is done. The connection then breaks instead of the answer. */
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

/** Gives the same answer to every request. */
const answerOf = (status: number, body: string) => (socket: Socket) => {
  const head = [`HTTP/1.1 ${status} Injected`, `content-length: ${body.length}`, 'connection: close'];
  socket.once('data', () => socket.end(`${head.join('\r\n')}\r\n\r\n${body}`));
  socket.on('error', () => undefined);
};
