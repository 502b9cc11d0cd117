// The entry `rivulet/opentelemetry`: spans of what producers and consumers do, by the conventions of OpenTelemetry for messaging
// (its semantic conventions 1.27 and later, which are in development). It is the only file that loads @opentelemetry/api.
//
//   import { openTelemetry } from 'rivulet/opentelemetry';
//   const rivulet = new Rivulet({ url, tracing: openTelemetry() });
//
// Invariant: tracing changes no outcome. A handler's result and its error, and those of a send, pass through.
import {
  type Attributes,
  type Context,
  context,
  createTraceState,
  isSpanContextValid,
  type Link,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { RivuletClientError } from './client-error.ts';
import {
  type ReceivedMessages,
  type SendSpan,
  type TracedMessage,
  type TraceHeaders,
  type Tracing,
  traceHeadersOf,
} from './tracing.ts';

export type { Tracing } from './tracing.ts';

/**
 * Makes spans of sends, of batches received, and of handlers. Give it to `new Rivulet`, to a producer or to a consumer, as the
 * option `tracing`.
 *
 * @param tracer by default the one of the name `rivulet` that the global provider gives.
 * @example
 * const rivulet = new Rivulet({ url, tracing: openTelemetry() });
 */
export function openTelemetry(tracer: Tracer = trace.getTracer('rivulet')): Tracing {
  return {
    send: (topic, messages) => beginSend(tracer, topic, messages),
    received: (received, sinceMs) => tellReceived(tracer, received, sinceMs),
    process: (received, handle) => processed(tracer, received, handle),
  };
}

function beginSend(tracer: Tracer, topic: string, messages: readonly TracedMessage[]): SendSpan {
  const links = linksOf(messages);
  const span = tracer.startSpan(`send ${topic}`, {
    // The context of this span is where a message begins, unless each one brings its own.
    kind: links.length < messages.length ? SpanKind.PRODUCER : SpanKind.CLIENT,
    links,
    attributes: { ...operation('send', 'send', topic), ...countOf(messages) },
  });
  return {
    headers: headersOf(span.spanContext()),
    end(results, error) {
      const failure = results.length === 0 ? error : results.find(isError);
      const places = results.filter((one) => !isError(one));
      const partitions = new Set(places.map(({ partition }) => partition));
      const [partition] = partitions;
      if (partitions.size === 1) span.setAttribute('messaging.destination.partition.id', String(partition));
      const [only, another] = places;
      if (!another && only?.offset !== undefined && only.offset >= 0) span.setAttribute(offsetName, only.offset);
      if (failure !== undefined) fail(span, failure);
      span.end();
    },
  };
}

function tellReceived(tracer: Tracer, received: ReceivedMessages, startTime: number): void {
  const { topic, messages } = received;
  const attributes = { ...operation('receive', 'poll', topic), ...placeOf(received), ...batchCount(messages) };
  tracer.startSpan(`poll ${topic}`, { kind: SpanKind.CLIENT, startTime, links: linksOf(messages), attributes }).end();
}

/** A single message goes on in its producer's trace. A batch may come from many traces, and so only links to them. */
function processed(tracer: Tracer, received: ReceivedMessages, handle: () => Promise<void> | void) {
  const { topic, messages } = received;
  const [only, another] = messages;
  const producer = only && !another ? spanContextOf(only) : undefined;
  const parent = producer ? trace.setSpanContext(context.active(), producer) : context.active();
  const span = tracer.startSpan(
    `process ${topic}`,
    {
      kind: SpanKind.CONSUMER,
      links: linksOf(messages),
      attributes: { ...operation('process', 'process', topic), ...placeOf(received), ...countOf(messages) },
    },
    parent,
  );
  return during(span, parent, handle);
}

/** Waits for a handler only if it returns a promise: to wait for nothing takes longer than many a handler. */
function during(span: Span, parent: Context, handle: () => Promise<void> | void): Promise<void> | void {
  const failed = (error: unknown): never => {
    fail(span, error);
    span.end();
    throw error;
  };
  let working: Promise<void> | void;
  try {
    working = context.with(trace.setSpan(parent, span), handle);
  } catch (error) {
    return failed(error);
  }
  if (working !== undefined) return Promise.resolve(working).then(() => span.end(), failed);
  span.end();
}

/** The build for browsers has a class of its own for its errors, which is not the one that this file could import. */
const isError = (one: unknown): one is Error & Partial<RivuletClientError> => one instanceof Error;

function fail(span: Span, error: unknown): void {
  const type = isError(error) ? (error.errorCode ?? error.name) : typeof error;
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) });
}

// --- attributes

const offsetName = 'messaging.kafka.offset';

/**
 * The system is `kafka`, because clients of Kafka's protocol read and write the same topics, and their instrumentation says so.
 * Tools that show traces know the attributes of Kafka too: partition, offset, group.
 */
const operation = (type: 'send' | 'receive' | 'process', name: string, topic: string): Attributes => ({
  'messaging.system': 'kafka',
  'messaging.operation.type': type,
  'messaging.operation.name': name,
  'messaging.destination.name': topic,
});

const placeOf = ({ partition, groupId, messages }: ReceivedMessages): Attributes => ({
  'messaging.destination.partition.id': String(partition),
  ...(groupId !== undefined && { 'messaging.consumer.group.name': groupId }),
  ...(messages[0] && { [offsetName]: messages[0].offset }),
});

const batchCount = (messages: readonly unknown[]): Attributes => ({ 'messaging.batch.message_count': messages.length });
const countOf = (messages: readonly unknown[]): Attributes => (messages.length === 1 ? {} : batchCount(messages));

// --- W3C Trace Context

function headersOf(spanContext: SpanContext): TraceHeaders | undefined {
  if (!isSpanContextValid(spanContext)) return undefined;
  const { traceId, spanId, traceFlags, traceState } = spanContext;
  const tracestate = traceState?.serialize();
  const flags = (traceFlags & 0xff).toString(16).padStart(2, '0');
  return { traceparent: `00-${traceId}-${spanId}-${flags}`, ...(tracestate && { tracestate }) };
}

/** Reads what anybody may have written. A header that is no `traceparent` counts as none. */
function spanContextOf(message: TracedMessage): SpanContext | undefined {
  const { traceparent = '', tracestate } = traceHeadersOf(message) ?? {};
  const parts = /^(?!ff)[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(?:-|$)/.exec(traceparent);
  if (!parts) return undefined;
  const [, traceId, spanId, flags] = parts;
  const traceState = tracestate && { traceState: createTraceState(tracestate) };
  const found = { traceId: traceId!, spanId: spanId!, traceFlags: Number.parseInt(flags!, 16), isRemote: true };
  return isSpanContextValid(found) ? { ...found, ...traceState } : undefined;
}

const linksOf = (messages: readonly TracedMessage[]): Link[] =>
  messages.flatMap((message) => {
    const linked = spanContextOf(message);
    return linked ? [{ context: linked }] : [];
  });
