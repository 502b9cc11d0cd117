// The producer and the consumer tell a Tracing of their work, if the application gives one: `rivulet/opentelemetry` makes spans
// of it. Here is what both sides share: the W3C headers `traceparent` and `tracestate` of records.
//
// Invariant: a message that has a `traceparent` keeps it, because the application knows better where its trace began. Nothing
// here is called, and no object is made, where no Tracing is given.
import { invalid, type PartResult, type RivuletClientError } from './client-error.ts';
import type { ConsumedMessage, MessageBytes, MessageHeaders } from './message.ts';

export type TraceHeaders = { readonly traceparent: string; readonly tracestate?: string };

/** Keys and values may be anything that a serializer takes. */
export type TracedMessage = { readonly headers?: MessageHeaders };

export type SendSpan = {
  /** They go into each message that has no `traceparent`. Undefined where there is no trace. */
  readonly headers: TraceHeaders | undefined;
  /** `results` has one for each message. It is empty if none was sent; then `error` says why. */
  end(results: readonly (PartResult | RivuletClientError)[], error?: unknown): void;
};

export type ReceivedMessages = {
  readonly topic: string;
  readonly partition: number;
  readonly groupId: string | undefined;
  readonly messages: readonly ConsumedMessage<unknown, unknown>[];
};

export type Tracing = {
  /** A call of send begins. */
  send(topic: string, messages: readonly TracedMessage[]): SendSpan;
  /** The consumer has taken these messages for its application. It had waited since `sinceMs` (epoch milliseconds). */
  received(received: ReceivedMessages, sinceMs: number): void;
  /** Calls the handler, and returns or throws what it does. */
  process(received: ReceivedMessages, handle: () => Promise<void> | void): Promise<void> | void;
};

/** Throws RivuletClientError INVALID_REQUEST. */
export function checkTracing(given: Tracing | undefined): Tracing | undefined {
  if (given === undefined || typeof given?.send === 'function') return given;
  throw invalid('tracing: expected what openTelemetry() of rivulet/opentelemetry returns, got something else');
}

/** Returns what a message says of the trace in which it was made. */
export function traceHeadersOf({ headers }: { readonly headers?: MessageHeaders }): TraceHeaders | undefined {
  const traceparent = textOf(headers, 'traceparent');
  if (traceparent === undefined) return undefined;
  const tracestate = textOf(headers, 'tracestate');
  return { traceparent, ...(tracestate !== undefined && { tracestate }) };
}

function textOf(headers: MessageHeaders | undefined, name: string): string | undefined {
  if (typeof headers !== 'object' || headers === null) return undefined;
  const found: MessageBytes | readonly MessageBytes[] | undefined = Array.isArray(headers)
    ? headers.find((one) => one?.key === name)?.value
    : (headers as Readonly<Record<string, MessageBytes>>)[name];
  const [first] = [found].flat();
  if (typeof first === 'string') return first;
  // A page that bundles rivulet/opentelemetry has no Buffer.
  return first instanceof Uint8Array ? new TextDecoder().decode(first) : undefined;
}
