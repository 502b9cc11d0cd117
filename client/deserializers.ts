// How the commands show and read the data of Kafka's serializers: numbers as text, and text and bytes as they are.
import { isClientError } from './client-error.ts';
import type { ConsumerOptions } from './consumer/consumer-options.ts';
import type { ProducerOptions } from './producer/producer-options.ts';
import { serdeOf } from './properties.ts';
import { bytesSerde, type Deserializer, longSerde, type Serde, type Serializer, stringSerde } from './serdes.ts';

const isPlain = (serde: unknown): boolean => serde === stringSerde || serde === bytesSerde;

/** @param name Kafka's name, with or without its package. Throws a sentence, and the caller puts the property before it. */
export function deserializerOf(name: string | undefined): (bytes: Buffer) => Buffer {
  if (name === undefined) return (bytes) => bytes;
  const serde = knownSerde(name);
  if (isPlain(serde)) return (bytes) => bytes;
  return (bytes) => Buffer.from(String(serde.deserialize('', bytes)));
}

function knownSerde(name: string): Serde<unknown> {
  try {
    return serdeOf(name, 'Deserializer');
  } catch (error) {
    throw isClientError(error) ? new Error(error.detail) : error;
  }
}

/** The consumer's numbers become text, which every format prints. */
export function showing({
  keyDeserializer,
  valueDeserializer,
  ...options
}: ConsumerOptions<unknown, unknown>): ConsumerOptions {
  const text = (serde: Deserializer<unknown> | undefined): Deserializer<Buffer> | undefined =>
    serde && !isPlain(serde)
      ? { deserialize: (...args) => Buffer.from(String(serde.deserialize(...args))) }
      : undefined;
  const [key, value] = [text(keyDeserializer), text(valueDeserializer)];
  return { ...options, ...(key && { keyDeserializer: key }), ...(value && { valueDeserializer: value }) };
}

/** The producer takes the text of numbers, as it stands in a line. */
export function reading({
  keySerializer,
  valueSerializer,
  ...options
}: ProducerOptions<unknown, unknown>): ProducerOptions {
  const number = (serde: Serializer<unknown> | undefined): ProducerOptions['keySerializer'] =>
    serde && !isPlain(serde)
      ? { serialize: (topic, data, headers) => serde.serialize(topic, numberOf(String(data), serde), headers) }
      : undefined;
  const [key, value] = [number(keySerializer), number(valueSerializer)];
  return {
    ...options,
    ...(key && { keySerializer: key }),
    ...(value && { valueSerializer: value }),
  } as ProducerOptions;
}

function numberOf(text: string, serde: Serializer<unknown>): number | bigint {
  const isWhole = /^\s*-?\d{1,20}\s*$/.test(text);
  if (isWhole && serde === longSerde) return BigInt(text);
  const number = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isNaN(number)) return number;
  throw new Error(`expected a number, got '${text.slice(0, 100)}'`);
}
