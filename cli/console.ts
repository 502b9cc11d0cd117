// `rivulet console` serves the console on this machine for a service that runs elsewhere. Its server signs each call of the
// page with the credentials of the person who started it, so what the page may do is what IAM allows this person.
//
// Invariant: the credentials stay in this process, and only requests that have passed the gate (local/console/gate.ts) are signed.
import type { Command } from 'commander';
import { isClientError } from '../client/client-error.ts';
import type { Answer, Connection } from '../client/transport/connection.ts';
import type { HttpApi, HttpEvent, HttpResult } from '../http/http-event.ts';
import { accessOf } from './connect.ts';
import { explained } from './listen-failure.ts';
import { wholeNumber } from './options.ts';
import { outliveReader, printLine } from './output.ts';
import { isRefusedByGateway, type Place, refusedCall, withoutAdvice } from './refused-call.ts';
import { onStopSignal } from './stop-signals.ts';

const examples = `
The page needs the address that the command prints: it holds a token of this run. Other machines cannot connect.

Examples:
  rivulet console --url https://abc123.execute-api.eu-central-1.amazonaws.com
  rivulet console --url https://abc123.execute-api.eu-central-1.amazonaws.com --profile readonly --port 9300`;

export function addConsole(rivulet: Command): void {
  rivulet
    .command('console')
    .description('serve the web console on this machine, for the service of --url')
    .option('--port <port>', 'the port to listen on; 0 takes a free one', wholeNumber(0, 65_535), 9293)
    .addHelpText('after', examples)
    .action(serveConsole);
}

async function serveConsole({ port }: { port: number }, command: Command): Promise<void> {
  const { connection, connected, place } = await open(command);
  const [{ startServer }, { systemClock }, { openConsole }, { consoleUrl }] = await Promise.all([
    import('../local/server.ts'),
    import('../lib/runtime/clock.ts'),
    import('../local/console/open.ts'),
    import('../local/console/gate.ts'),
  ]);
  const onFailure = (line: string): void => console.error(`rivulet: ${line}`);
  const page = openConsole({ clock: systemClock, api: passedOn(connection, place), connected, onFailure });
  const options = { console: page, port, clock: systemClock };
  const server = await startServer(options).catch((error: unknown) => {
    throw explained(error, '127.0.0.1', port);
  });
  printLine(`The console for your browser: ${consoleUrl(server.url, page.token)}`);
  printLine('Ctrl-C stops it.');
  outliveReader();
  await new Promise<void>((resolve) => onStopSignal(() => resolve()));
  await server.close();
}

async function open(command: Command) {
  const [{ parseUrl }, { openConnection }, { credentialsFor, regionFor }, { systemClock }, { partitionOf }] =
    await Promise.all([
      import('../client/rivulet.ts'),
      import('../client/transport/connection.ts'),
      import('../client/transport/credentials.ts'),
      import('../lib/runtime/clock.ts'),
      import('../lib/storage/aws/endpoint.ts'),
    ]);
  const access = accessOf(command);
  const url = parseUrl(access.url);
  const region = regionFor(url, access.region);
  const credentials = credentialsFor(url, access.credentials, access.profile);
  const connection = openConnection({
    ...{ url, region, credentials, clientId: 'console', requestTimeoutMs, clock: systemClock },
  });
  const connected = async () => {
    const signer = await credentials();
    return { url: url.href.replace(/\/$/, ''), region, identity: signer === 'none' ? 'none' : signer.accessKeyId };
  };
  return { connection, connected, place: { region, partition: partitionOf(region), host: url.hostname } };
}

/** The longest poll of the API, and the time that an answer takes. */
const requestTimeoutMs = 50_000;

/** A header that is about one connection, or about the encoding of this answer, does not belong to the next. */
const ofTheConnection =
  /^(connection|keep-alive|transfer-encoding|content-length|date|set-cookie|proxy-.*|upgrade|te|trailer)$/;
const passedHeaders = /^(accept|content-type|idempotency-key|rivulet-.*)$/;

/** Bodies and answers are bounded, as everywhere in the API, so each is held whole: a signature covers the whole body. */
function passedOn(connection: Pick<Connection, 'exchange'>, place: Place): HttpApi {
  return async (event) => {
    try {
      const answer = await connection.exchange(callOf(event));
      return isRefusedByGateway(answer) ? refusedCall(event, place, answer) : resultOf(answer);
    } catch (error) {
      return problemOf(error, event.requestContext.requestId);
    }
  };
}

function resultOf(answer: Answer): HttpResult {
  const headers = Object.entries(answer.headers).flatMap(([name, value]) =>
    value === undefined || ofTheConnection.test(name) ? [] : [[name, String(value)]],
  );
  return { statusCode: answer.status, headers: Object.fromEntries(headers), body: [withoutAdvice(answer)] };
}

/** No answer came. The page's SDK reads this as it reads the problems of the service. */
function problemOf(error: unknown, requestId: string): HttpResult {
  const { errorCode, detail, retriable, outcome } = isClientError(error)
    ? error
    : { errorCode: 'NETWORK_EXCEPTION', detail: String(error), retriable: false, outcome: 'unknown' };
  const title = 'The service did not answer';
  const problem = { type: 'about:blank', title, status: 502, detail, errorCode, retriable, outcome, requestId };
  return { statusCode: 502, headers: { 'content-type': 'application/problem+json' }, body: JSON.stringify(problem) };
}

function callOf({ rawPath, rawQueryString, headers, body, requestContext: { http }, signal }: HttpEvent) {
  const passed = Object.entries(headers).filter(([name]) => passedHeaders.test(name));
  const bytes = body === undefined ? undefined : Buffer.from(body as Uint8Array);
  return {
    method: http.method as 'GET',
    path: rawQueryString === '' ? rawPath : `${rawPath}?${rawQueryString}`,
    headers: Object.fromEntries(passed),
    ...(bytes && { body: bytes, contentType: headers['content-type'] ?? 'application/octet-stream' }),
    writes: http.method !== 'GET' && http.method !== 'HEAD',
    signal,
  };
}
