// Serializers work on messages before anything else does. This file calls them, and names the message and the field of one
// that fails.
//
// Invariant: without a promise of a serializer nothing waits, so a send stays in the turn in which it was called.
import { RivuletClientError } from '../client-error.ts';
import type { Message, MessageBytes, MessageHeader, MessageHeaders } from '../message.ts';
import { type HeadersByName, headersByName, isPromise, type Serializer } from '../serdes.ts';

export type Serializers<K, V> = {
  readonly keySerializer?: Serializer<K> | undefined;
  readonly valueSerializer?: Serializer<V> | undefined;
};

type Place = { readonly topic: string; readonly where: string; readonly at: number };
type Own = Message<unknown, unknown>;
type MaybePromise<T> = T | PromiseLike<T>;

/**
 * @param where the name of the list. Errors name it.
 * @throws RivuletClientError SERIALIZATION_ERROR. A promise may reject with it too.
 */
export function serialized(
  { keySerializer, valueSerializer }: Serializers<unknown, unknown>,
  topic: string,
  messages: readonly Own[],
  where: string,
): MaybePromise<readonly Message[]> {
  if (!keySerializer && !valueSerializer) return messages as readonly Message[];
  const all = messages.map((message, at) => {
    const headers = ownHeaders(message.headers);
    const place = { topic, where, at };
    const before = { ...headers };
    const key = fieldOf(keySerializer, message.key, headers, { ...place, field: 'key' });
    const value = fieldOf(valueSerializer, message.value, headers, { ...place, field: 'value' });
    const made = ([key, value]: [MessageBytes, MessageBytes]): Message => ({
      ...message,
      ...{ key, value },
      ...changedHeaders(message.headers, before, headers),
    });
    return isPromise(key) || isPromise(value) ? heeded(Promise.all([key, value]).then(made)) : made([key, value]);
  });
  return all.some(isPromise) ? heeded(Promise.all(all)) : (all as Message[]);
}

/** The same promise. If another serializer throws first, nobody waits for this one, and its rejection would end the process. */
function heeded<P extends PromiseLike<unknown>>(promise: P): P {
  promise.then(undefined, () => undefined);
  return promise;
}

/** Null stays null, and a key may be missing. */
function fieldOf(
  serializer: Serializer<unknown> | undefined,
  data: unknown,
  headers: HeadersByName,
  place: Place & { readonly field: 'key' | 'value' },
): MaybePromise<MessageBytes> {
  if (!serializer || data === null || (data === undefined && place.field === 'key')) return data as MessageBytes;
  const failed = (cause: unknown): never => {
    throw serializationError(place, cause);
  };
  try {
    const bytes = serializer.serialize(place.topic, data, headers);
    return isPromise(bytes) ? heeded(bytes.then(undefined, failed)) : bytes;
  } catch (cause) {
    return failed(cause);
  }
}

function serializationError(
  { topic, where, at, field }: Place & { readonly field: string },
  cause: unknown,
): RivuletClientError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const detail = `${where}[${at}].${field}: the ${field}Serializer has failed for topic ${topic}: ${why}`;
  return new RivuletClientError('SERIALIZATION_ERROR', detail, { outcome: 'not-written', topic, cause });
}

/** A copy, which the serializers may change. */
function ownHeaders(headers: MessageHeaders | undefined): HeadersByName {
  if (!Array.isArray(headers)) return { ...(headers as HeadersByName | undefined) };
  return headersByName(headers.map((header: Partial<MessageHeader> | null) => ({ key: '', value: null, ...header })));
}

/** The message keeps its own headers, in their order, but for the names that the serializers have changed. */
function changedHeaders(
  given: MessageHeaders | undefined,
  before: HeadersByName,
  after: HeadersByName,
): { readonly headers?: MessageHeaders } {
  const changed = Object.entries(after).filter(([name, value]) => before[name] !== value);
  if (changed.length === 0) return {};
  if (!Array.isArray(given)) return { headers: after };
  const names = new Set(changed.map(([name]) => name));
  const list = changed.flatMap(([key, value]) => [value].flat().map((one) => ({ key, value: one })));
  return { headers: [...given.filter(({ key }: MessageHeader) => !names.has(key)), ...list] };
}
