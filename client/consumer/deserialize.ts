// Deserializers work on a batch before any of its messages is handed over, one message after the other.
//
// Invariant: a record that cannot be deserialized is never handed over. Without onDeserializationError, what stands before it is
// handed over first. Its error comes when it is the next record, so the position is at it, and a seek behind it goes on.
import { RivuletClientError } from '../client-error.ts';
import type { ConsumedMessage } from '../message.ts';
import { type Deserializer, headersByName, isPromise, type ReadHeadersByName } from '../serdes.ts';
import type { Deserializers } from './consumer-options.ts';
import type { HandlerWatch } from './handler-watch.ts';
import type { Inside } from './inside.ts';
import type { OpenBatch } from './partition-reader.ts';

/** Returns what works on a batch, or undefined if there is nothing to do. A deserializer counts as a handler: it may wait. */
export function deserializing(
  deserializers: Deserializers,
  watch: HandlerWatch,
  inside: Inside,
): ((batch: OpenBatch) => Promise<void>) | undefined {
  const { keyDeserializer, valueDeserializer, onDeserializationError } = deserializers;
  if (!keyDeserializer && !valueDeserializer) return undefined;
  const skip =
    onDeserializationError && ((error: RivuletClientError) => inside.run(() => onDeserializationError(error)));
  return async (batch) => {
    watch.begin(batch, batch.messages[0]!.offset);
    try {
      await deserialize(batch, { ...deserializers, onDeserializationError: skip });
    } finally {
      watch.end(batch);
    }
  };
}

async function deserialize(batch: OpenBatch, deserializers: Deserializers): Promise<void> {
  const { keyDeserializer, valueDeserializer, onDeserializationError } = deserializers;
  const made: ConsumedMessage<unknown, unknown>[] = [];
  for (const message of batch.messages as readonly ConsumedMessage[]) {
    let field: 'key' | 'value' = 'key';
    try {
      const headers = message.headers.length === 0 ? {} : headersByName(message.headers.filter(hasValue));
      const key = fieldOf(keyDeserializer, message, message.key, headers);
      const ownKey = isPromise(key) ? await key : key;
      field = 'value';
      const value = fieldOf(valueDeserializer, message, message.value, headers);
      made.push({ ...message, key: ownKey, value: isPromise(value) ? await value : value });
    } catch (cause) {
      const error = deserializationError(message, field, cause);
      if (!onDeserializationError && made.length === 0) throw error;
      if (!onDeserializationError) {
        Object.assign(batch, { messages: made, end: message.offset, isCut: true });
        return;
      }
      await onDeserializationError(error);
    }
  }
  batch.messages = made;
}

type Header = ConsumedMessage['headers'][number];
const hasValue = (header: Header): header is Header & { readonly value: Buffer } => header.value !== null;

function fieldOf(
  deserializer: Deserializer<unknown> | undefined,
  { topic }: ConsumedMessage,
  bytes: Buffer | null,
  headers: ReadHeadersByName,
): unknown {
  return deserializer && bytes !== null ? deserializer.deserialize(topic, bytes, headers) : bytes;
}

function deserializationError(
  { topic, partition, offset }: ConsumedMessage,
  field: string,
  cause: unknown,
): RivuletClientError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const detail =
    `${topic} partition ${partition}: the ${field} of the record at offset ${offset} cannot be deserialized (${why}): ` +
    `go on from offset ${offset + 1}`;
  const nextOffset = offset + 1;
  return new RivuletClientError('DESERIALIZATION_ERROR', detail, {
    topic,
    partition,
    offset,
    extra: { nextOffset },
    cause,
  });
}
