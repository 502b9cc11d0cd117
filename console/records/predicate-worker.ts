// Runs the JavaScript predicate that a person wrote, over records that the page sends. The server gives this file, and no
// other, a policy that allows `eval` and no connection at all, so whatever runs here reaches neither the service nor another host.
// Invariant: it answers each message once, with one boolean for each record, or with the predicate's error.

/** The predicate sees this as `m`. `json` is undefined where the value is no JSON. */
type Seen = {
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: Readonly<Record<string, string | null>>;
};

export type ToWorker = { readonly source: string } | { readonly records: readonly Seen[] };
export type FromWorker = { readonly kept: readonly boolean[] } | { readonly error: string };

type Predicate = (m: Seen & { readonly json: unknown }) => unknown;

let predicate: Predicate | undefined;

/** An expression, or a body with `return`. */
function compiled(source: string): Predicate {
  const body = /\breturn\b/.test(source) ? source : `return (${source}\n);`;
  return new Function('m', `'use strict'; ${body}`) as Predicate;
}

function withJson(record: Seen): Parameters<Predicate>[0] {
  try {
    return { ...record, json: record.value === null ? undefined : JSON.parse(record.value) };
  } catch {
    return { ...record, json: undefined };
  }
}

function answer(message: ToWorker): FromWorker {
  try {
    if ('source' in message) {
      predicate = compiled(message.source);
      return { kept: [] };
    }
    return { kept: message.records.map((record) => Boolean(predicate?.(withJson(record)))) };
  } catch (error) {
    return { error: String(error) };
  }
}

self.onmessage = ({ data }: MessageEvent<ToWorker>) => self.postMessage(answer(data));
