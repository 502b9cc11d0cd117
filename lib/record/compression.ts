// The five compression types of a record batch. gzip and zstd come from Node; snappy and LZ4 are written by a WebAssembly
// library and read by our own decoders, because that library cannot bound what it unpacks and does not survive bad input.
// A reader's memory is bounded by `maxBytes` whatever the input claims.
import { createRequire } from 'node:module';
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { CorruptBatchError } from './corrupt-batch-error.ts';
import { decompressLz4, emptyLz4Frame } from './lz4.ts';
import { decompressSnappy, frameSnappy } from './snappy.ts';

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

/** At the position of their code in a batch's attributes. */
export const compressions: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

/** The default of 16 KiB makes a call into zlib for every 16 KiB. */
const chunkSize = 128 * 1024;

type Wasm = { lz4Compress(data: Buffer): Buffer; snappyCompress(data: Buffer): Buffer };

// `require`, because it loads on first use and yet answers at once; so a bundle that never writes snappy or LZ4 (the
// Lambda functions, which store what clients have compressed) need not carry the library.
const require = createRequire(import.meta.url);
let loaded: Wasm | undefined;

function wasm(): Wasm {
  loaded ??= require('@platformatic/wasm-utils') as Wasm;
  return loaded;
}

/** At the codec's default level: gzip 6, zstd 3. */
export function compress(codec: Compression, bytes: Uint8Array): Uint8Array {
  switch (codec) {
    case 'none':
      return bytes;
    case 'gzip':
      return gzipSync(bytes, { chunkSize });
    case 'snappy':
      return frameSnappy(bytes, (block) => wasm().snappyCompress(bufferOf(block)));
    case 'lz4':
      return bytes.length === 0 ? emptyLz4Frame : wasm().lz4Compress(bufferOf(bytes));
    case 'zstd':
      return zstdCompressSync(bytes, { chunkSize });
  }
}

/** Throws CorruptBatchError: 'too-large' above `maxBytes`, 'codec' for what does not decompress. */
export function decompress(codec: Compression, bytes: Uint8Array, maxBytes: number): Uint8Array {
  switch (codec) {
    case 'none':
      if (bytes.length > maxBytes) throw tooLarge(codec, maxBytes);
      return bytes;
    case 'gzip':
      return unzip(codec, maxBytes, (options) => gunzipSync(bytes, options));
    case 'snappy':
      return decompressSnappy(bytes, maxBytes);
    case 'lz4':
      return decompressLz4(bytes, maxBytes);
    case 'zstd':
      return unzip(codec, maxBytes, (options) => zstdDecompressSync(bytes, options));
  }
}

type UnzipOptions = { readonly chunkSize: number; readonly maxOutputLength: number };

function unzip(codec: Compression, maxBytes: number, run: (options: UnzipOptions) => Buffer): Uint8Array {
  try {
    return run({ chunkSize, maxOutputLength: Math.max(1, maxBytes) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(codec, maxBytes);
    throw new CorruptBatchError('codec', `${codec}: ${(error as Error).message}`, { cause: error });
  }
}

function tooLarge(codec: Compression, maxBytes: number): CorruptBatchError {
  return new CorruptBatchError('too-large', `${codec}: more than the ${maxBytes} bytes that are allowed`);
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
