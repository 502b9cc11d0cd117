// Serializers make bytes of keys and values, and deserializers make keys and values of bytes. Those in this file write the
// bytes of Kafka's own of the same names. A serde is both.
//
// Invariant: null stays null, and no serializer or deserializer gets it. Data that cannot be written exactly is refused.
import { grouped } from './grouped.ts';
import type { MessageBytes } from './message.ts';

/** Headers by their names. A name that occurs several times has a list. */
export type HeadersByName = Record<string, MessageBytes | readonly MessageBytes[]>;
/** Headers without a value are left out. */
export type ReadHeadersByName = Record<string, Buffer | Buffer[] | undefined>;

export type Serializer<T> = {
  /**
   * Returns bytes, or text that is sent as UTF-8. A promise delays the later sends to the topic, because records keep the order
   * of their sends. Changes of `headers` go with the record. When it throws, nothing of the send is written.
   */
  serialize(topic: string, data: T, headers: HeadersByName): MessageBytes | PromiseLike<MessageBytes>;
};

export type Deserializer<T> = {
  /** The bytes are a view into the fetched ones: copy what is kept for long. When it throws, the record is not handed over. */
  deserialize(topic: string, bytes: Buffer, headers: ReadHeadersByName): T | PromiseLike<T>;
};

export type Serde<T> = Serializer<T> & {
  /** Serdes of this file do not wait. */
  deserialize(topic: string, bytes: Buffer): T;
};

/** Text as UTF-8. */
export const stringSerde: Serde<string> = {
  serialize: (_topic, data) => typed('string', data),
  deserialize: (_topic, bytes) => bytes.toString(),
};

/** Bytes as they are. */
export const bytesSerde: Serde<Uint8Array> & Deserializer<Buffer> = {
  serialize(_topic, data) {
    if (data instanceof Uint8Array) return data;
    throw new TypeError(`expected bytes, got ${typeof data}`);
  },
  deserialize: (_topic, bytes) => bytes,
};

/**
 * JSON as UTF-8. The type is yours to know: nothing checks it. A value `null` is a tombstone, not JSON's null.
 *
 * @example
 * const producer = rivulet.producer({ keySerializer: stringSerde, valueSerializer: jsonSerde<Order>() });
 */
export const jsonSerde = <T>(): Serde<T> => ({
  serialize: (_topic, data) => JSON.stringify(data),
  deserialize: (_topic, bytes) => JSON.parse(bytes.toString()) as T,
});

/** Whole numbers of 16 bits. */
export const shortSerde: Serde<number> = number(
  2,
  (bytes, data) => bytes.writeInt16BE(whole(data)),
  (bytes) => bytes.readInt16BE(),
);

/** Whole numbers of 32 bits. */
export const integerSerde: Serde<number> = number(
  4,
  (bytes, data) => bytes.writeInt32BE(whole(data)),
  (bytes) => bytes.readInt32BE(),
);

/** Whole numbers of 64 bits. It takes numbers up to 2^53 - 1 too. */
export const longSerde: Serializer<bigint | number> & Serde<bigint> = number(
  8,
  (bytes, data: bigint | number) => bytes.writeBigInt64BE(typeof data === 'bigint' ? data : BigInt(whole(data))),
  (bytes) => bytes.readBigInt64BE(),
);

/** Numbers of 32 bits (IEEE 754), to which others are rounded. */
export const floatSerde: Serde<number> = number(
  4,
  (bytes, data) => bytes.writeFloatBE(typed('number', data)),
  (bytes) => bytes.readFloatBE(),
);

/** Numbers as JavaScript has them: 64 bits (IEEE 754). */
export const doubleSerde: Serde<number> = number(
  8,
  (bytes, data) => bytes.writeDoubleBE(typed('number', data)),
  (bytes) => bytes.readDoubleBE(),
);

/** Big-endian, as Kafka's. The Buffer refuses numbers that have more bits. */
function number<In, Out extends In>(
  size: number,
  write: (bytes: Buffer, data: In) => unknown,
  read: (bytes: Buffer) => Out,
): Serializer<In> & Serde<Out> {
  return {
    serialize(_topic: string, data: In) {
      const bytes = Buffer.alloc(size);
      write(bytes, data);
      return bytes;
    },
    deserialize(_topic, bytes) {
      if (bytes.length === size) return read(bytes);
      throw new Error(`expected ${size} bytes, got ${bytes.length}`);
    },
  };
}

function typed<T extends string | number>(type: 'string' | 'number', data: T): T {
  if (typeof data === type) return data;
  throw new TypeError(`expected a ${type}, got ${typeof data}`);
}

function whole(data: number): number {
  if (Number.isSafeInteger(data)) return data;
  throw new TypeError(`expected a whole number, got ${typeof data === 'number' ? data : typeof data}`);
}

export function isPromise<T>(given: T | PromiseLike<T>): given is PromiseLike<T> {
  return typeof (given as PromiseLike<T> | null | undefined)?.then === 'function';
}

/** The headers of a list by their names. A name from outside never reaches the prototype of the object. */
export function headersByName<T>(
  headers: readonly { readonly key: string; readonly value: T }[],
): Record<string, T | T[]> {
  const all = grouped(headers, ({ key }) => key);
  const valuesOf = (ofName: typeof headers): T | T[] => {
    const values = ofName.map(({ value }) => value);
    return values.length === 1 ? values[0]! : values;
  };
  return Object.fromEntries([...all].map(([name, ofName]) => [name, valuesOf(ofName)]));
}
