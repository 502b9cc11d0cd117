// For any bytes the code returns a result or throws a CorruptBatchError, quickly and within its bounds. Mutated batches get
// a matching CRC, because otherwise the CRC check would keep every mutation from the code behind it.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { crc32c } from '../../lib/bytes/crc32c.ts';
import { decodeBatch, encodeBatch } from '../../lib/record/batch.ts';
import { checkBatch, field, recordBatchOverheadBytes, splitBatches } from '../../lib/record/batch-header.ts';
import { type Compression, compress, compressions, decompress } from '../../lib/record/compression.ts';
import { CorruptBatchError } from '../../lib/record/corrupt-batch-error.ts';
import { fromHex, goldenCases } from './golden.ts';

const MiB = 1024 * 1024;
const maxUncompressedBytes = MiB;

/** Returns true if the bytes were sound, and false if they were refused as they should be. Any other outcome fails the test. */
function isSound(run: () => unknown): boolean {
  try {
    run();
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(CorruptBatchError);
    return false;
  }
}

/** Makes length, magic and CRC match, so that the code checks the rest. */
function makeFit(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setInt32(field.length, bytes.length - 12);
  view.setInt8(field.magic, 2);
  view.setUint32(field.crc, crc32c(bytes, field.attributes));
  return bytes;
}

const small = goldenCases.filter(({ hex, batches }) => batches.length === 1 && hex.length < 2000);

type Mutation = { readonly at: number; readonly bytes: Uint8Array; readonly removed: number };
const mutations: fc.Arbitrary<Mutation[]> = fc.array(
  fc.record({
    at: fc.nat(1000),
    bytes: fc.oneof(
      fc.uint8Array({ maxLength: 3 }),
      fc.constantFrom(hexOf('ffffffff'), hexOf('80'), hexOf('7fffffff')),
    ),
    removed: fc.nat(4),
  }),
  { minLength: 1, maxLength: 4 },
);

function hexOf(hex: string): Uint8Array {
  return fromHex(hex);
}

/** Replaces bytes after the CRC, from the attributes on. */
function mutate(original: Uint8Array, changes: readonly Mutation[]): Uint8Array {
  let bytes = original;
  for (const { at, bytes: inserted, removed } of changes) {
    const from = field.attributes + (at % (bytes.length - field.attributes));
    bytes = Buffer.concat([bytes.subarray(0, from), inserted, bytes.subarray(from + removed)]);
    if (bytes.length < recordBatchOverheadBytes) bytes = Buffer.concat([bytes, Buffer.alloc(recordBatchOverheadBytes)]);
  }
  return makeFit(new Uint8Array(bytes));
}

describe('any bytes', () => {
  test('are split, checked and decoded, or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        isSound(() => splitBatches(bytes));
        isSound(() => checkBatch(bytes, 0, { allowGaps: true }));
        isSound(() => decodeBatch(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  test.each(compressions)('are refused as the body of a %s batch, or read', (compression) => {
    const code = compressions.indexOf(compression);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (body, isPacked) => {
        const packed = isPacked ? compress(compression, body) : body;
        const bytes = new Uint8Array(recordBatchOverheadBytes + packed.length);
        bytes.set(
          encodeBatch([{ key: null, value: null, headers: [], timestampMs: 0 }]).subarray(0, recordBatchOverheadBytes),
        );
        bytes.set(packed, recordBatchOverheadBytes);
        bytes[field.attributes + 1] = code;
        isSound(() => decodeBatch(makeFit(bytes), 0, { maxUncompressedBytes }));
      }),
      { numRuns: 500 },
    );
  });
});

describe('mutated batches of Kafka', () => {
  test('are decoded or refused', () => {
    let sound = 0;
    let refused = 0;
    fc.assert(
      fc.property(fc.constantFrom(...small), mutations, ({ hex }, changes) => {
        const bytes = mutate(fromHex(hex), changes);
        if (isSound(() => decodeBatch(bytes, 0, { maxUncompressedBytes }))) sound++;
        else refused++;
      }),
      { numRuns: 6000 },
    );
    expect(sound).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(sound);
  });

  test('the records inside, mutated before they are compressed, are decoded or refused', () => {
    const plain = small.filter(({ batches }) => batches[0]!.compression === 'none' && batches[0]!.recordCount > 0);
    fc.assert(
      fc.property(fc.constantFrom(...plain), mutations, fc.constantFrom(...compressions), ({ hex }, changes, codec) => {
        const mutated = mutate(fromHex(hex), changes);
        const body = compress(codec, mutated.subarray(recordBatchOverheadBytes));
        const bytes = new Uint8Array(Buffer.concat([fromHex(hex).subarray(0, recordBatchOverheadBytes), body]));
        bytes[field.attributes + 1] = (bytes[field.attributes + 1]! & ~7) | compressions.indexOf(codec);
        isSound(() => decodeBatch(makeFit(bytes), 0, { maxUncompressedBytes }));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('compressed parts, mutated', () => {
  test.each(compressions)('%s', (codec) => {
    const packed = goldenCases
      .filter(({ batches, hex }) => batches.length === 1 && batches[0]!.compression === codec && hex.length < 40_000)
      .map(({ hex }) => fromHex(hex).subarray(recordBatchOverheadBytes))
      .filter((part) => part.length > 0);
    fc.assert(
      fc.property(
        fc.constantFrom(...packed),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
        (part, changes) => {
          const bytes = part.slice();
          for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
          isSound(() =>
            expect(decompress(codec, bytes, maxUncompressedBytes).length).toBeLessThanOrEqual(maxUncompressedBytes),
          );
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('bombs', () => {
  test.each<Compression>(['gzip', 'snappy', 'lz4', 'zstd'])(
    'a %s batch of more than is allowed is too large',
    (compression) => {
      const value = new Uint8Array(2 * MiB);
      const bytes = encodeBatch([{ key: null, value, headers: [], timestampMs: 0 }], { compression });
      expect(bytes.length).toBeLessThan(MiB / 4);
      expect(() => decodeBatch(bytes, 0, { maxUncompressedBytes })).toThrow(
        expect.objectContaining({ name: 'CorruptBatchError', reason: 'too-large' }),
      );
    },
  );

  test('a batch that claims two thousand million records is refused before the first', () => {
    const bytes = encodeBatch([{ key: null, value: null, headers: [], timestampMs: 0 }], { compression: 'gzip' });
    const view = new DataView(bytes.buffer);
    view.setInt32(field.recordCount, 2 ** 31 - 1);
    view.setInt32(field.lastOffsetDelta, 2 ** 31 - 2);
    expect(() => decodeBatch(makeFit(bytes))).toThrow(expect.objectContaining({ reason: 'count' }));
  });

  test('a record that claims two thousand million headers is refused before the first', () => {
    const bytes = encodeBatch([{ key: null, value: new Uint8Array(5), headers: [], timestampMs: 0 }]);
    bytes.set(hexOf('0000 01 01 feffffff0f'.replaceAll(' ', '')), bytes.length - 9);
    expect(() => decodeBatch(makeFit(bytes))).toThrow(expect.objectContaining({ reason: 'record' }));
  });
});
