// The headers of a message as pairs, for their names may repeat; the SDK keeps a list of values per name.
import type { ConsumedMessage, MessageBytes, MessageHeaders } from '../lib/client/message.ts';

export function headersOf(pairs: readonly (readonly [name: string, value: MessageBytes])[]): MessageHeaders {
  // No prototype: a header may be called `constructor` or `__proto__`.
  const headers: Record<string, MessageBytes[]> = Object.create(null);
  for (const [name, value] of pairs) {
    const values = headers[name];
    if (values) values.push(value);
    else headers[name] = [value];
  }
  return headers;
}

export function pairsOf(headers: ConsumedMessage['headers']): [name: string, value: Buffer | null][] {
  return Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((value): [string, Buffer | null] => [name, value as Buffer | null]),
  );
}
