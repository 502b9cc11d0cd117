// This file holds the five compression types of a record batch. gzip and zstd come from Node. A WebAssembly library writes
// snappy and LZ4. Our own decoders read them, because that library cannot bound what it unpacks and does not survive bad
// input. `maxBytes` bounds a reader's memory whatever the input claims. For data that may be large, a server uses the forms
// that return a promise. gzip and zstd then run on Node's threads, and our own decoders run in steps.
import { createRequire } from 'node:module';
import * as zlib from 'node:zlib';
import { CorruptBatchError } from './corrupt-batch-error.ts';
import { decompressLz4, emptyLz4Frame, frameLz4 } from './lz4.ts';
import { decompressSnappy, frameSnappy } from './snappy.ts';
import { runInSteps, runThrough } from './steps.ts';
import { type Decoder, unpackPieces } from './unpack-pieces.ts';

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
      return zlib.gzipSync(bytes, { chunkSize });
    case 'snappy':
      return runThrough(frameSnappy(bytes, snappyBlock));
    case 'lz4':
      return bytes.length === 0 ? emptyLz4Frame : lz4Frame(bytes);
    case 'zstd':
      return zlib.zstdCompressSync(bytes, { chunkSize });
  }
}

type Aside<Options> = (
  bytes: Uint8Array,
  options: Options,
  done: (error: Error | null, result: Buffer) => void,
) => void;

/** Node's promisify does this too, but an import of node:util also loads workers, the parser of options, and more. */
function aside<Options>(run: Aside<Options>, bytes: Uint8Array, options: Options): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    run(bytes, options, (error, result) => (error ? reject(error) : resolve(result)));
  });
}

/** Does the same as `compress`, but the event loop goes on meanwhile. */
export async function compressAside(codec: Compression, bytes: Uint8Array): Promise<Uint8Array> {
  switch (codec) {
    case 'none':
      return bytes;
    case 'gzip':
      return aside(zlib.gzip, bytes, { chunkSize: largeChunkSize });
    case 'snappy':
      return runInSteps(frameSnappy(bytes, snappyBlock));
    case 'lz4':
      return runInSteps(frameLz4(bytes, lz4Frame));
    case 'zstd':
      return aside(zlib.zstdCompress, bytes, { chunkSize: largeChunkSize });
  }
}

/** Throws CorruptBatchError: 'too-large' if the output exceeds `maxBytes`, and 'codec' if the bytes do not decompress. */
export function decompress(codec: Compression, bytes: Uint8Array, maxBytes: number): Uint8Array {
  switch (codec) {
    case 'none':
      if (bytes.length > maxBytes) throw tooLarge(codec, maxBytes);
      return bytes;
    case 'gzip':
      return unzip(codec, maxBytes, (options) => zlib.gunzipSync(bytes, options));
    case 'snappy':
      return runThrough(decompressSnappy(bytes, maxBytes));
    case 'lz4':
      return runThrough(decompressLz4(bytes, maxBytes));
    case 'zstd':
      return unzip(codec, maxBytes, (options) => unzstd(bytes, options));
  }
}

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
      return aside(codec === 'gzip' ? zlib.gunzip : zlib.zstdDecompress, bytes, options).catch((error) => {
        throw unzipError(codec, maxBytes, error);
      });
    }
  }
}

/** Node has zstd from 22.15 on. The SDK also runs on older ones: they read it by a package, which is slower. */
export const writesZstd = zlib.zstdCompressSync !== undefined;

type Fzstd = { Decompress: new (output: (piece: Uint8Array) => void) => Decoder };

function unzstd(bytes: Uint8Array, options: UnzipOptions): Buffer {
  if (writesZstd) return zlib.zstdDecompressSync(bytes, options);
  const { Decompress } = require('fzstd') as Fzstd;
  return unpackPieces(bytes, options.maxOutputLength, (output) => new Decompress(output));
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
