// This file holds the five compression types of a record batch. gzip and zstd come from Node. A WebAssembly library writes
// snappy and LZ4. Our own decoders read them, because that library cannot bound what it unpacks and does not survive bad
// input. `maxBytes` bounds a reader's memory whatever the input claims. For data that may be large, a server uses the forms
// that return a promise. gzip and zstd then run on Node's threads, and our own decoders run in steps.
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

/** Each type is at the position of its code in a batch's attributes. */
export const compressions: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

/** Node's default of 16 KiB would make a call into zlib for every 16 KiB. */
const chunkSize = 128 * 1024;
/** Each chunk is a round trip to a thread. */
const largeChunkSize = 1024 * 1024;

type Wasm = { lz4Compress(data: Buffer): Buffer; snappyCompress(data: Buffer): Buffer };

// The library is loaded with `require`, because that loads it on first use and still answers synchronously. So a bundle that
// never writes snappy or LZ4 need not carry the library. The Lambda functions are such a bundle: they store what clients
// have compressed.
const require = createRequire(import.meta.url);
let loaded: Wasm | undefined;

function wasm(): Wasm {
  loaded ??= require('@platformatic/wasm-utils') as Wasm;
  return loaded;
}

const snappyBlock = (block: Uint8Array): Uint8Array => wasm().snappyCompress(bufferOf(block));
const lz4Frame = (bytes: Uint8Array): Uint8Array => wasm().lz4Compress(bufferOf(bytes));

/** Compresses at the codec's default level, which is 6 for gzip and 3 for zstd. */
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

/** Does the same as `compress`, but the event loop goes on meanwhile. */
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

/** Throws CorruptBatchError: 'too-large' if the output exceeds `maxBytes`, and 'codec' if the bytes do not decompress. */
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

/**
 * Does the same as `decompress`, but the event loop goes on meanwhile. The decoders that run in steps end when the signal
 * is aborted.
 */
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
