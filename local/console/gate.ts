// The gate of the console. It decides by which of three each request below /console is answered:
//
//   /console/?token=...   the address that the person was given: the token becomes a cookie
//   /console/api/...      the API: it needs the cookie, and a request that this console's own page has sent
//   /console/...          the files of the page, which hold no secret
//
// A browser sends the cookie to every port of this machine's name, and lets every page send requests here. So the cookie alone
// opens nothing: the browser's own word on where a request comes from (Origin, Sec-Fetch-Site) has to name this console.
// The API beside the console does not know the cookie, and takes signatures only.
//
// Invariant: a page of another origin (another host, or another port of this one) reaches no operation through a browser.
import { timingSafeEqual } from 'node:crypto';
import type { HttpApi, HttpResult } from '../../http/http-event.ts';
import { RivuletError } from '../../lib/api/errors.ts';
import { isBelowLocalhost, isLoopback } from '../../lib/runtime/loopback.ts';
import type { RequestHead } from '../request.ts';
import { guarded } from './page-headers.ts';

export type ConsoleOptions = {
  /** A random text of 32 bytes at least. It never changes while the server runs. */
  readonly token: string;
  /** Answers the calls of the page. */
  readonly api: HttpApi;
  /** Answers the requests for files. */
  readonly files: HttpApi;
  /** The service behind `api`, for the page to show. `url` is absent if it is this server. */
  readonly connected: () => Promise<{ readonly url?: string; readonly region: string; readonly identity: string }>;
};

/** The request as `api` is to see it. */
export type Admission = { readonly head: RequestHead; readonly api: HttpApi };

const api = '/console/api';

/** The address that a person opens. */
export const consoleUrl = (serverUrl: string, token: string): string => `${serverUrl}/console/?token=${token}`;

/** Returns undefined for a path beside the console. Throws FORBIDDEN. */
export function admitToConsole(options: ConsoleOptions, head: RequestHead): Admission | undefined {
  const { path } = head;
  if (path !== '/console' && !path.startsWith('/console/')) return undefined;
  const { host = '' } = head.fields;
  checkName(host);
  if (path === '/console') return { head, api: redirect(308, '/console/') };
  if (path.startsWith(`${api}/`)) {
    checkOrigin(head, host);
    checkCookie(head.fields.cookie ?? '', host, options.token);
    const within = path.slice(api.length);
    if (within === '/connected') return { head, api: shown(connectedOf(options, host)) };
    return { head: { ...head, path: within }, api: shown(options.api) };
  }
  const token = path === '/console/' ? new URLSearchParams(head.query).get('token') : null;
  return { head, api: token === null ? options.files : openedBy(token, host, options.token) };
}

/** Names that were given with --allow-host may belong to a proxy that others reach. The console is for this machine alone. */
function checkName(host: string): void {
  const name = host.toLowerCase().replace(/:\d{1,5}$/, '');
  if (isLoopback(name) || isBelowLocalhost(name)) return;
  throw refused('header.host', 'the console is served on localhost and on loopback addresses only');
}

/** A browser states the Origin of each request that may change something, and Sec-Fetch-Site of every request. */
function checkOrigin({ method, fields }: RequestHead, host: string): void {
  const { origin } = fields;
  const isRead = method === 'GET' || method === 'HEAD';
  if (origin === undefined ? !isRead : origin !== `http://${host}`)
    throw refused(
      'header.origin',
      `expected the console's own page, http://${host}, got ${origin ? 'another' : 'none'}`,
    );
  const site = fields['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin')
    throw refused('header.sec-fetch-site', "expected same-origin, because only the console's own page may call this");
}

/** The name has the port, because the consoles of several ports share the cookies of their host. */
const cookieName = (host: string): string => `rivulet-console-${/:(\d+)$/.exec(host)?.[1] ?? '80'}`;

function checkCookie(cookies: string, host: string, token: string): void {
  const start = `${cookieName(host)}=`;
  const values = cookies.split(';').map((pair) => pair.trim());
  if (values.some((pair) => pair.startsWith(start) && isSame(pair.slice(start.length), token))) return;
  throw refused(
    'header.cookie',
    'this browser has not opened the console: open the address with the token that the command printed',
  );
}

/** Takes the same time however many characters agree. */
function isSame(given: string, token: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(token)];
  return one.length === other.length && timingSafeEqual(one, other);
}

/** The token leaves the address bar and the history entry with the redirect. */
function openedBy(given: string, host: string, token: string): HttpApi {
  if (!isSame(given, token))
    throw refused('query.token', 'expected the token that the command printed when it started, got another one');
  const cookie = `${cookieName(host)}=${token}; Path=/console; HttpOnly; SameSite=Strict`;
  return redirect(303, '/console/', { 'set-cookie': cookie });
}

const redirect = (statusCode: number, location: string, headers: Record<string, string> = {}): HttpApi => {
  const result: HttpResult = { statusCode, headers: guarded({ location, ...headers, 'cache-control': 'no-store' }) };
  return async () => result;
};

const connectedOf =
  ({ connected }: ConsoleOptions, host: string): HttpApi =>
  async () => ({
    statusCode: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ url: `http://${host}`, ...(await connected()) }),
  });

/** The bytes of a record come from anybody: a browser that opens an answer by itself must not run them. */
const shown =
  (api: HttpApi): HttpApi =>
  async (event) => {
    const result = await api(event);
    return { ...result, headers: guarded(result.headers) };
  };

function refused(field: string, detail: string): RivuletError {
  return new RivuletError('FORBIDDEN', `${field}: ${detail}`, { outcome: 'not-written', extra: { field } });
}
