import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Compression,
  compress,
  compressAside,
  compressions,
  decompress,
  decompressAside,
} from '../../lib/record/compression.ts';
import { CorruptBatchError } from '../../lib/record/corrupt-batch-error.ts';

const wasm = createRequire(import.meta.url)('@platformatic/wasm-utils') as typeof import('@platformatic/wasm-utils');

const KiB = 1024;
const MiB = 1024 * KiB;
const codecs = compressions.filter((codec) => codec !== 'none');

/** Sequences of repeats, text and noise, across the 32 and 64 KiB at which snappy and LZ4 begin new blocks. */
const content = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .tuple(fc.uint8Array({ minLength: 1, maxLength: 70 }), fc.nat(3000))
        .map(([part, times]) => repeat(part, times)),
    ),
    { maxLength: 6 },
  )
  .map((parts) => new Uint8Array(Buffer.concat(parts)));

function repeat(part: Uint8Array, times: number): Uint8Array {
  return Buffer.concat(Array.from({ length: times }, () => part));
}

function hex(text: string): Uint8Array {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

function reasonOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof CorruptBatchError) return error.reason;
    throw error;
  }
  return 'nothing thrown';
}

/** The bytes of array buffers that `run` allocated and that are still allocated after it. */
function allocatedBy(run: () => unknown): number {
  const before = process.memoryUsage().arrayBuffers;
  run();
  return process.memoryUsage().arrayBuffers - before;
}

describe('compressed and decompressed again', () => {
  test.each(compressions)('any bytes survive %s', (codec) => {
    fc.assert(
      fc.property(content, (bytes) => {
        const unpacked = decompress(codec, compress(codec, bytes), bytes.length);
        expect(Buffer.compare(unpacked, bytes)).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test.each(compressions)('%s is the same beside the event loop, which goes on', async (codec) => {
    const bytes = Buffer.concat([randomBytes(1_200_000), new Uint8Array(5 * MiB), randomBytes(100)]);
    // This counts turns of the event loop, not milliseconds: a fast machine is done within three.
    let turns = 0;
    let isDone = false;
    const count = () => {
      turns++;
      if (!isDone) setImmediate(count);
    };
    setImmediate(count);
    const packed = await compressAside(codec, bytes);
    const unpacked = await decompressAside(codec, packed, bytes.length);
    isDone = true;
    expect(Buffer.compare(unpacked, bytes)).toBe(0);
    expect(Buffer.compare(decompress(codec, packed, bytes.length), bytes)).toBe(0);
    if (codec !== 'none') expect(turns).toBeGreaterThan(3);
    await expect(decompressAside(codec, packed, bytes.length - 1)).rejects.toMatchObject({ reason: 'too-large' });
  });

  test.each(codecs)('%s beside the event loop refuses what it cannot unpack', async (codec) => {
    await expect(decompressAside(codec, new Uint8Array(20).fill(0xee), MiB)).rejects.toMatchObject({ reason: 'codec' });
    expect(await decompressAside(codec, await compressAside(codec, new Uint8Array(0)), 0)).toHaveLength(0);
  });

  test('LZ4 made in pieces is one frame that other decoders read', async () => {
    const bytes = Buffer.concat([randomBytes(700_000), new Uint8Array(3 * MiB), randomBytes(100_000)]);
    expect(Buffer.compare(wasm.lz4Decompress(Buffer.from(await compressAside('lz4', bytes))), bytes)).toBe(0);
  });

  test.each([1, 2, 3, 7, 511, 512, 513, 5_000])('an LZ4 run that repeats itself at distance %i', (distance) => {
    const bytes = repeat(randomBytes(distance), Math.ceil(40_000 / distance));
    expect(Buffer.compare(decompress('lz4', compress('lz4', bytes), bytes.length), bytes)).toBe(0);
  });

  test.each(codecs)('zero bytes survive %s', (codec) => {
    const packed = compress(codec, new Uint8Array(0));
    expect(packed.length).toBeGreaterThan(0);
    expect(decompress(codec, packed, 0)).toHaveLength(0);
  });

  test.each(codecs)('%s makes repeats smaller', (codec) => {
    expect(compress(codec, new Uint8Array(MiB)).length).toBeLessThan(MiB / 10);
  });
});

describe('other decoders can read our output', () => {
  test('LZ4 frames have independent blocks, which Kafka in Java demands', () => {
    const flags = compress('lz4', new Uint8Array(5 * MiB))[4]!;
    expect(flags & 0x20).toBe(0x20);
  });

  test('LZ4 frames read back with the other implementation', () => {
    fc.assert(
      fc.property(content, (bytes) => {
        expect(wasm.lz4Decompress(Buffer.from(compress('lz4', bytes)))).toEqual(Buffer.from(bytes));
      }),
      { numRuns: 20 },
    );
  });

  test('snappy has the frame of Kafka in Java, with blocks of 32 KiB that are each plain snappy', () => {
    const bytes = Buffer.from(repeat(Buffer.from('some words '), 7000));
    const packed = Buffer.from(compress('snappy', bytes));
    expect(packed.subarray(0, 16)).toEqual(hex('82534e41505059 00 00000001 00000001'));
    const parts: Buffer[] = [];
    for (let at = 16; at < packed.length; at += 4 + packed.readInt32BE(at)) {
      parts.push(wasm.snappyDecompress(packed.subarray(at + 4, at + 4 + packed.readInt32BE(at))));
    }
    expect(parts.map((part) => part.length)).toEqual([32768, 32768, 77000 - 65536]);
    expect(Buffer.concat(parts)).toEqual(bytes);
  });
});

describe('the output of other encoders can be read', () => {
  test('plain snappy, without the frame', () => {
    fc.assert(
      fc.property(content, (bytes) => {
        const packed = wasm.snappyCompress(Buffer.from(bytes));
        expect(Buffer.compare(decompress('snappy', packed, bytes.length), bytes)).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  test('snappy: a literal with its length in two bytes, and all three matches', () => {
    const packed = hex('15 f40700 6162636465666768 0108 0a0200 0f04000000 047879');
    expect(Buffer.from(decompress('snappy', packed, KiB)).toString()).toBe(
      ['abcdefgh', 'abcd', 'cdc', 'dcdc', 'xy'].join(''),
    );
  });

  test('LZ4: linked blocks, a stored block, checksums and content size', () => {
    const header = '04224d18 5c 40 0c00000000000000 00';
    const stored = '04000080 61626364 00000000';
    const linked = '04000000 00 0400 00 00000000';
    expect(Buffer.from(decompress('lz4', hex(`${header} ${stored} ${linked} 00000000 00000000`), KiB)).toString()).toBe(
      'abcdabcd',
    );
  });

  test('gzip in several members', () => {
    const packed = Buffer.concat([gzipSync('one '), gzipSync('two')]);
    expect(Buffer.from(decompress('gzip', packed, KiB)).toString()).toBe('one two');
  });
});

describe('bounded', () => {
  const bomb = new Uint8Array(8 * MiB);
  const packed = Object.fromEntries(compressions.map((codec) => [codec, compress(codec, bomb)])) as Record<
    Compression,
    Uint8Array
  >;

  test.each(compressions)('%s: one byte more than allowed is too large', (codec) => {
    expect(decompress(codec, packed[codec], bomb.length)).toHaveLength(bomb.length);
    expect(reasonOf(() => decompress(codec, packed[codec], bomb.length - 1))).toBe('too-large');
  });

  test.each(codecs)('%s: a bomb takes no more memory than allowed', (codec) => {
    expect(allocatedBy(() => reasonOf(() => decompress(codec, packed[codec], MiB)))).toBeLessThan(4 * MiB);
  });

  test('gzip: members count together', () => {
    const member = gzipSync(new Uint8Array(MiB));
    const members = Buffer.concat([member, member, member]);
    expect(reasonOf(() => decompress('gzip', members, 2 * MiB))).toBe('too-large');
  });

  test('zstd: frames count together', () => {
    const frame = zstdCompressSync(new Uint8Array(MiB));
    expect(reasonOf(() => decompress('zstd', Buffer.concat([frame, frame, frame]), 2 * MiB))).toBe('too-large');
  });

  test('snappy: blocks count together, before any of them is unpacked', () => {
    const block = wasm.snappyCompress(Buffer.alloc(64 * KiB));
    const length = Buffer.alloc(4);
    length.writeInt32BE(block.length);
    const frame = Buffer.concat([
      hex('82534e4150505900 00000001 00000001'),
      ...Array.from({ length: 32 }, () => [length, block]).flat(),
    ]);
    expect(decompress('snappy', frame, 2 * MiB)).toHaveLength(2 * MiB);
    expect(reasonOf(() => decompress('snappy', frame, 2 * MiB - 1))).toBe('too-large');
  });

  test('snappy: six bytes that claim 64 MiB are refused before 64 MiB are allocated', () => {
    let reason = '';
    const run = () => {
      reason = reasonOf(() => decompress('snappy', hex('80808020 0061'), 64 * MiB));
    };
    expect(allocatedBy(run)).toBeLessThan(MiB);
    expect(reason).toBe('codec');
  });
});

describe('malformed', () => {
  test.each<[Compression, string, string]>([
    ['gzip', 'nothing', ''],
    ['gzip', 'something else', '00010203'],
    ['zstd', 'something else', '00010203'],
    ['snappy', 'nothing', ''],
    ['snappy', 'a length that does not end', 'ffffffffffff'],
    ['snappy', 'a literal that is not there', '05 10 61'],
    ['snappy', 'a literal beyond the declared length', '01 04 6161'],
    ['snappy', 'a length of a literal that is not there', '05 f4 00'],
    ['snappy', 'a match before the beginning', '05 00 61 01 02'],
    ['snappy', 'a match at no distance', '05 00 61 01 00'],
    ['snappy', 'a match beyond the declared length', '04 00 61 01 01'],
    ['snappy', 'fewer bytes than declared', '03 04 6161'],
    ['snappy', 'a frame with a block that is not there', '82534e4150505900 00000001 00000001 00000005 00'],
    ['snappy', 'a frame with half a length', '82534e4150505900 00000001 00000001 0000'],
    ['snappy', 'a frame with a negative length', '82534e4150505900 00000001 00000001 ffffffff'],
    ['lz4', 'nothing', ''],
    ['lz4', 'another magic', '04224d19 60 40 82 00000000'],
    ['lz4', 'version 0', '04224d18 20 40 82 00000000'],
    ['lz4', 'a dictionary', '04224d18 61 40 00000000 82 00000000'],
    ['lz4', 'block size code 3', '04224d18 60 30 82 00000000'],
    ['lz4', 'no end mark', '04224d18 60 40 82 000000'],
    ['lz4', 'a block that is not there', '04224d18 60 40 82 05000000 00'],
    ['lz4', 'a literal that is not there', '04224d18 60 40 82 02000000 2061 00000000'],
    ['lz4', 'a length that does not end', '04224d18 60 40 82 02000000 f0ff 00000000'],
    ['lz4', 'half a distance', '04224d18 60 40 82 03000000 106101 00000000'],
    ['lz4', 'a match at no distance', '04224d18 60 40 82 06000000 10610000 1061 00000000'],
    ['lz4', 'a match before the beginning', '04224d18 60 40 82 06000000 10610200 1061 00000000'],
    ['lz4', 'a match at the end of a block', '04224d18 60 40 82 04000000 10610100 00000000'],
    ['lz4', 'bytes after the frame', '04224d18 60 40 82 00000000 00'],
  ])('%s: %s', (codec, _name, text) => {
    expect(reasonOf(() => decompress(codec, hex(text), KiB))).toBe('codec');
  });

  test('lz4: a block larger than its frame allows', () => {
    const body = Buffer.alloc(70_000 / 250, 255);
    const block = Buffer.concat([hex('1f 61 0100'), body, hex('00 10 61')]);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(block.length);
    const frame = Buffer.concat([hex('04224d18 60 40 82'), length, block, hex('00000000')]);
    expect(reasonOf(() => decompress('lz4', frame, MiB))).toBe('codec');
  });

  test.each(codecs.filter((codec) => codec !== 'zstd'))('%s: every truncation', (codec) => {
    const packed = compress(codec, Buffer.from(repeat(Buffer.from('some words '), 20)));
    for (let length = 0; length < packed.length; length++) {
      // A snappy frame without blocks is a valid frame of zero bytes.
      if (codec === 'snappy' && length === 16) continue;
      expect(reasonOf(() => decompress(codec, packed.subarray(0, length), KiB))).toBe('codec');
    }
  });
});
