// How `rivulet consume` prints bytes: unchanged, or as the numbers that Kafka's serializer of the same type has written.
type Deserializer = (bytes: Buffer) => Buffer;

const asTheyAre: Deserializer = (bytes) => bytes;

const number =
  (name: string, size: number, read: (bytes: Buffer) => number | bigint): Deserializer =>
  (bytes) => {
    if (bytes.length === size) return Buffer.from(String(read(bytes)));
    throw new Error(`${name}: expected ${size} bytes, got ${bytes.length}`);
  };

const deserializers: Readonly<Record<string, Deserializer>> = {
  StringDeserializer: asTheyAre,
  ByteArrayDeserializer: asTheyAre,
  ShortDeserializer: number('ShortDeserializer', 2, (bytes) => bytes.readInt16BE()),
  IntegerDeserializer: number('IntegerDeserializer', 4, (bytes) => bytes.readInt32BE()),
  LongDeserializer: number('LongDeserializer', 8, (bytes) => bytes.readBigInt64BE()),
};

/** @param name Kafka's name, with or without its package. Throws a sentence, and the caller puts the property before it. */
export function deserializerOf(name: string | undefined): Deserializer {
  if (name === undefined) return asTheyAre;
  const short = name.replace(/^org\.apache\.kafka\.common\.serialization\./, '');
  if (Object.hasOwn(deserializers, short)) return deserializers[short]!;
  throw new Error(`expected one of ${Object.keys(deserializers).join(', ')}, got '${name}'`);
}
