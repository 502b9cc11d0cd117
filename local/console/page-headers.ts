// The headers of every answer that a browser could show: they say what a page of the console may load, run and reach.
// Invariant: no inline script, no other host, no frame; `eval` only in the worker that runs a person's own filter, and that
// worker reaches nothing.

const none = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const pagePolicy = `${none}; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; worker-src 'self'`;
const workerPolicy = `${none}; script-src 'unsafe-eval'; connect-src 'none'`;

/** The worker's file, as the build names it. */
export const isFilterWorker = (path: string): boolean => /^assets\/predicate-worker-[\w-]+\.js$/.test(path);

export function guarded(headers: Record<string, string>, { worker = false } = {}): Record<string, string> {
  return {
    ...headers,
    'content-security-policy': worker ? workerPolicy : pagePolicy,
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  };
}
