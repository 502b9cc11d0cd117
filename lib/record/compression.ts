// The five compression types of a record batch. gzip and zstd come from Node; snappy and LZ4 are written by a WebAssembly
// library and read by our own decoders, because that library cannot bound what it unpacks and does not survive bad input.
// A reader's memory is bounded by `maxBytes` whatever the input claims. A server uses the forms that return a promise for
// what may be large: gzip and zstd then run on Node's threads, our own decoders in steps.
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import {
  gunzip,
  gunzipSync,
  gzip,
  gzipSync,
  zstdCompress,
  zstdCompressSync,
  zstdDecompress,
  zstdDecompressSync,
} from 'node:zlib';
import { CorruptBatchError } from './corrupt-batch-error.ts';
import { decompressLz4, emptyLz4Frame, frameLz4 } from './lz4.ts';
import { decompressSnappy, frameSnappy } from './snappy.ts';
import { runInSteps, runThrough } from './steps.ts';

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

/** At the position of their code in a batch's attributes. */
export const compressions: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

/** The default of 16 KiB makes a call into zlib for every 16 KiB. */
const chunkSize = 128 * 1024;
/** Each is a round trip to a thread. */
const largeChunkSize = 1024 * 1024;

type Wasm = { lz4Compress(data: Buffer): Buffer; snappyCompress(data: Buffer): Buffer };

// `require`, because it loads on first use and yet answers at once; so a bundle that never writes snappy or LZ4 (the
// Lambda functions, which store what clients have compressed) need not carry the library.
const require = createRequire(import.meta.url);
let loaded: Wasm | undefined;

function wasm(): Wasm {
  loaded ??= require('@platformatic/wasm-utils') as Wasm;
  return loaded;
}

const snappyBlock = (block: Uint8Array): Uint8Array => wasm().snappyCompress(bufferOf(block));
const lz4Frame = (bytes: Uint8Array): Uint8Array => wasm().lz4Compress(bufferOf(bytes));

/** At the codec's default level: gzip 6, zstd 3. */
export function compress(codec: Compression, bytes: Uint8Array): Uint8Array {
  switch (codec) {
    case 'none':
      return bytes;
    case 'gzip':
      return gzipSync(bytes, { chunkSize });
    case 'snappy':
      return runThrough(frameSnappy(bytes, snappyBlock));
    case 'lz4':
      return bytes.length === 0 ? emptyLz4Frame : lz4Frame(bytes);
    case 'zstd':
      return zstdCompressSync(bytes, { chunkSize });
  }
}

const zipped = promisify(gzip) as (bytes: Uint8Array, options: { chunkSize: number }) => Promise<Buffer>;
const zstdZipped = promisify(zstdCompress) as typeof zipped;

/** As `compress`; the event loop goes on meanwhile. */
export async function compressAside(codec: Compression, bytes: Uint8Array): Promise<Uint8Array> {
  switch (codec) {
    case 'none':
      return bytes;
    case 'gzip':
      return zipped(bytes, { chunkSize: largeChunkSize });
    case 'snappy':
      return runInSteps(frameSnappy(bytes, snappyBlock));
    case 'lz4':
      return runInSteps(frameLz4(bytes, lz4Frame));
    case 'zstd':
      return zstdZipped(bytes, { chunkSize: largeChunkSize });
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
      return runThrough(decompressSnappy(bytes, maxBytes));
    case 'lz4':
      return runThrough(decompressLz4(bytes, maxBytes));
    case 'zstd':
      return unzip(codec, maxBytes, (options) => zstdDecompressSync(bytes, options));
  }
}

const unzipped = promisify(gunzip) as (bytes: Uint8Array, options: UnzipOptions) => Promise<Buffer>;
const zstdUnzipped = promisify(zstdDecompress) as typeof unzipped;

/** As `decompress`; the event loop goes on meanwhile. What is done in steps ends when the signal is aborted. */
export async function decompressAside(
  codec: Compression,
  bytes: Uint8Array,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  switch (codec) {
    case 'none':
      return decompress(codec, bytes, maxBytes);
    case 'snappy':
      return runInSteps(decompressSnappy(bytes, maxBytes), signal);
    case 'lz4':
      return runInSteps(decompressLz4(bytes, maxBytes), signal);
    case 'gzip':
    case 'zstd': {
      const options = { chunkSize: largeChunkSize, maxOutputLength: Math.max(1, maxBytes) };
      return (codec === 'gzip' ? unzipped : zstdUnzipped)(bytes, options).catch((error) => {
        throw unzipError(codec, maxBytes, error);
      });
    }
  }
}

type UnzipOptions = { readonly chunkSize: number; readonly maxOutputLength: number };

function unzip(codec: Compression, maxBytes: number, run: (options: UnzipOptions) => Buffer): Uint8Array {
  try {
    return run({ chunkSize, maxOutputLength: Math.max(1, maxBytes) });
  } catch (error) {
    throw unzipError(codec, maxBytes, error as Error);
  }
}

function unzipError(codec: Compression, maxBytes: number, error: NodeJS.ErrnoException): CorruptBatchError {
  if (error.code === 'ERR_BUFFER_TOO_LARGE') return tooLarge(codec, maxBytes);
  return new CorruptBatchError('codec', `${codec}: ${error.message}`, { cause: error });
}

function tooLarge(codec: Compression, maxBytes: number): CorruptBatchError {
  return new CorruptBatchError('too-large', `${codec}: more than the ${maxBytes} bytes that are allowed`);
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
