// How `rivulet consume` prints bytes: as they are, or as the numbers that Kafka's serializers of that name have written.
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

/** @param name as Kafka's, with its package or without. Throws with what is wrong, behind which the caller names the property. */
export function deserializerOf(name: string | undefined): Deserializer {
  if (name === undefined) return asTheyAre;
  const short = name.replace(/^org\.apache\.kafka\.common\.serialization\./, '');
  if (Object.hasOwn(deserializers, short)) return deserializers[short]!;
  throw new Error(`expected one of ${Object.keys(deserializers).join(', ')}, got '${name}'`);
}
