// Random messages come back as they were, and damaged ones end in a value or in the codec's own error.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { codecOf } from '../../../kafka/codec/compile.ts';
import { readRequest } from '../../../kafka/codec/frame.ts';
import { MalformedFrameError } from '../../../kafka/codec/malformed-frame.ts';
import { FrameReader } from '../../../kafka/codec/reader.ts';
import { anyMessage } from './arbitrary-message.ts';
import { decoded, encoded, goldenMessages } from './golden.ts';

test('a message of any content comes back as it was', () => {
  fc.assert(
    fc.property(anyMessage, ({ name, version, value }) => {
      const bytes = encoded(name, version, value);
      const again = decoded(name, version, bytes);
      expect(again).toMatchObject(value);
      expect(encoded(name, version, again)).toEqual(bytes);
    }),
    { numRuns: 500 },
  );
});

/** Undefined if the bytes are refused. Any other error is a fault of the codec. */
function valueOrRefusal(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    if (error instanceof MalformedFrameError) return undefined;
    throw error;
  }
}

describe('a damaged frame', () => {
  const damage = fc.record({
    golden: fc.constantFrom(...goldenMessages),
    cut: fc.double({ min: 0, max: 1, noNaN: true }),
    changes: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
  });

  test('ends in a value or in a refusal, and a value has no more elements than bytes', () => {
    fc.assert(
      fc.property(damage, ({ golden: { name, version, bytes }, cut, changes }) => {
        const damaged = Buffer.from(bytes.subarray(0, Math.ceil(bytes.length * cut)));
        for (const [at, byte] of changes) if (damaged.length > 0) damaged[at % damaged.length] = byte;
        const value = valueOrRefusal(() => codecOf(name, version).read(new FrameReader(damaged)));
        expect(elementsIn(value)).toBeLessThanOrEqual(damaged.length);
      }),
      { numRuns: 5_000 },
    );
  });

  test('may be any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        if (bytes.length > 1) bytes[0] = 0;
        valueOrRefusal(() => readRequest(bytes));
      }),
      { numRuns: 2_000 },
    );
  });

  test('that is cut anywhere is refused', () => {
    const [golden] = goldenMessages.filter(({ name, version }) => name === 'MetadataResponse' && version === 12);
    for (let length = 0; length < golden!.bytes.length; length++) {
      const read = () => decoded('MetadataResponse', 12, golden!.bytes.subarray(0, length));
      expect(read).toThrow(MalformedFrameError);
    }
  });
});

function elementsIn(value: unknown): number {
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return 0;
  const inner = Object.values(value).reduce((sum: number, one) => sum + elementsIn(one), 0);
  return Array.isArray(value) ? inner + value.length : inner;
}

describe('the bounds of a frame', () => {
  const metadata = (bytes: Uint8Array) => codecOf('MetadataRequest', 1).read(new FrameReader(bytes));

  test('a list that claims more elements than fit is refused before anything is made of it', () => {
    expect(() => metadata(Buffer.from('7fffffff', 'hex'))).toThrow(/a list of 2147483647 elements in 0 bytes/);
  });

  test('a frame holds at most 25,000 elements', () => {
    const names = (count: number) => {
      const bytes = Buffer.alloc(4 + count * 2);
      bytes.writeInt32BE(count);
      return bytes;
    };
    expect(metadata(names(25_000))).toMatchObject({ topics: { length: 25_000 } });
    expect(() => metadata(names(25_001))).toThrow(/expected at most 25000 elements in a frame/);
  });

  test('lists within lists count together', () => {
    const topics = Array.from({ length: 100 }, () => ({
      name: '',
      partitions: Array.from({ length: 300 }, () => ({})),
    }));
    const bytes = encoded('OffsetForLeaderEpochRequest', 2, {
      topics: topics.map(({ name, partitions }) => ({ topic: name, partitions })),
    });
    expect(() => decoded('OffsetForLeaderEpochRequest', 2, bytes)).toThrow(/expected at most 25000 elements/);
  });

  test('a length of more than 5 bytes is refused', () => {
    expect(() => new FrameReader(Buffer.from('808080808001', 'hex')).uvarint()).toThrow(MalformedFrameError);
    expect(new FrameReader(Buffer.from('ffffffff0f', 'hex')).uvarint()).toBe(2 ** 32 - 1);
  });

  test('null where the protocol has no null is refused, and so is a negative length', () => {
    expect(() => metadata(Buffer.from('00000001ffff', 'hex'))).toThrow(/expected a value of name, got null/);
    expect(() => metadata(Buffer.from('fffffffe', 'hex'))).toThrow(/expected a length, got -2/);
  });

  test('an int64 beyond the safe integers becomes the nearest safe one', () => {
    const most = new FrameReader(Buffer.from('7fffffffffffffff', 'hex')).int64();
    expect(most).toBe(Number.MAX_SAFE_INTEGER);
  });

  test('records are views into the frame', () => {
    const records = Buffer.alloc(5_000, 1);
    const topicData = [{ name: 'a', partitionData: [{ index: 0, records }] }];
    const frame = encoded('ProduceRequest', 9, { acks: -1, timeoutMs: 1, topicData });
    const read = decoded('ProduceRequest', 9, frame) as { topicData: typeof topicData };
    expect(read.topicData[0]!.partitionData[0]!.records.buffer).toBe(frame.buffer);
  });
});
