// A send whose span goes into the headers of its messages.
//
// Invariant: a message that has a `traceparent` keeps it, because the application knows better where its trace began.
import { isClientError, type PartResult, type RivuletClientError } from '../client-error.ts';
import type { RecordMetadata } from '../record-metadata.ts';
import { type TracedMessage, type TraceHeaders, type Tracing, traceHeadersOf } from '../tracing.ts';

type Traceable<M> = { readonly topic: string; readonly messages: readonly M[] };

export async function tracedSend<M extends TracedMessage, Part extends Traceable<M>>(
  tracing: Tracing | undefined,
  parts: readonly Part[],
  send: (parts: readonly Part[]) => Promise<RecordMetadata[]>,
): Promise<RecordMetadata[]> {
  if (!tracing) return send(parts);
  const spans = parts.map(({ topic, messages }) => tracing.send(topic, messages));
  const end = (results: readonly (PartResult | RivuletClientError)[], error?: unknown) => {
    let from = 0;
    for (const [at, { messages }] of parts.entries()) {
      spans[at]!.end(results.slice(from, from + messages.length), error);
      from += messages.length;
    }
  };
  const traced = parts.map((part, at) => ({
    ...part,
    messages: part.messages.map((message) => withTrace(message, spans[at]!.headers)),
  }));
  try {
    const results = await send(traced);
    end(results);
    return results;
  } catch (error) {
    end((isClientError(error) && error.results) || [], error);
    throw error;
  }
}

function withTrace<M extends TracedMessage>(message: M, added: TraceHeaders | undefined): M {
  if (!added || traceHeadersOf(message)) return message;
  const { headers = {} } = message;
  // A list with a wrong entry stays as it is, for the error that names the entry.
  if (!Array.isArray(headers)) return { ...message, headers: { ...headers, ...added } };
  return { ...message, headers: [...headers, ...Object.entries(added).map(([key, value]) => ({ key, value }))] };
}
