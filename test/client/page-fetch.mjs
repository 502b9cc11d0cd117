// The fetch of a page: it follows the rules of CORS that a browser enforces, which Node's own fetch does not know. A page of
// another origin asks first (preflight), and reads only what the answer allows it to.

const simpleMethods = ['GET', 'HEAD', 'POST'];
const simpleTypes = ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain'];
const readable = [
  'cache-control',
  'content-language',
  'content-length',
  'content-type',
  'expires',
  'last-modified',
  'pragma',
];

const isSimple = ([name, value]) =>
  ['accept', 'accept-language', 'content-language'].includes(name) ||
  (name === 'content-type' && simpleTypes.includes(value.split(';')[0]));

const listIn = (headers, name) => (headers.get(name) ?? '').split(',').map((one) => one.trim().toLowerCase());

const blocked = (why) => new TypeError(`blocked by CORS: ${why}`);

async function askFirst(url, method, names, origin) {
  const asked = { origin, 'access-control-request-method': method };
  if (names.length > 0) asked['access-control-request-headers'] = names.join(',');
  const { status, headers } = await fetch(url, { method: 'OPTIONS', headers: asked });
  if (status < 200 || status > 299) throw blocked(`the preflight was answered with ${status}`);
  if (headers.get('access-control-allow-origin') !== origin) throw blocked(`the preflight does not allow ${origin}`);
  if (
    !simpleMethods.includes(method) &&
    !listIn(headers, 'access-control-allow-methods').includes(method.toLowerCase())
  )
    throw blocked(`the preflight does not allow ${method}`);
  const allowed = listIn(headers, 'access-control-allow-headers');
  for (const name of names) if (!allowed.includes(name)) throw blocked(`the preflight does not allow ${name}`);
}

/** @param origin of the page */
export const pageFetch = (origin) => async (url, init) => {
  const { method = 'GET', headers: given } = init;
  const headers = new Headers(given);
  const names = [...headers].filter((header) => !isSimple(header)).map(([name]) => name);
  if (names.length > 0 || !simpleMethods.includes(method)) await askFirst(url, method, names, origin);
  headers.set('origin', origin);
  const answer = await fetch(url, { ...init, headers });
  if (answer.headers.get('access-control-allow-origin') !== origin)
    throw blocked(`the answer does not allow ${origin}`);
  const exposed = [...readable, ...listIn(answer.headers, 'access-control-expose-headers')];
  const seen = [...answer.headers].filter(([name]) => exposed.includes(name));
  return new Response(answer.body, { status: answer.status, headers: seen });
};
