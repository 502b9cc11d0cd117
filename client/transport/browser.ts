// This file stands for node.ts, and for the modules of Node that lib/ imports, in a build for browsers
// (tools/pack/bundle-browser.ts). Everything here computes at once, because the SDK unpacks batches and signs requests so.
// The class without its asynchronous shell, which would bring tslib.
import { RawSha256 } from '@aws-crypto/sha256-js/build/module/RawSha256.js';
import { Gunzip, gzipSync as gzipOf } from 'fflate';
import { Decompress } from 'fzstd';
import type { Compression } from '../../lib/record/compression.ts';
import { unpackPieces } from '../../lib/record/unpack-pieces.ts';

/** The codecs that a producer can write. All can be read. */
export const writtenCodecs: readonly Compression[] = ['none', 'gzip'];

/** A timer does not keep a page alive. */
export const unref = <T>(timer: T): T => timer;

export const soon = (work: () => void): void => void setTimeout(work);
export const nextTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));
export { nextTurn as setImmediate };

/**
 * A browser does not know which call it is in. So anything that runs while a handler works counts as inside that handler:
 * stop() then returns before the handler is done. To wait for it would deadlock if the handler itself called stop().
 */
export class AsyncLocalStorage<T> {
  readonly #stores = new Set<T>();

  async run<R>(store: T, work: () => Promise<R>): Promise<R> {
    this.#stores.add(store);
    try {
      return await work();
    } finally {
      this.#stores.delete(store);
    }
  }

  getStore(): T | undefined {
    return [...this.#stores].at(-1);
  }
}

// --- node:crypto

export const randomBytes = (count: number): Uint8Array => crypto.getRandomValues(new Uint8Array(count));
export const randomUUID = (): string => crypto.randomUUID();
export const createSecretKey = (key: Uint8Array): Uint8Array => key;

/** SHA-256, and with a key HMAC (RFC 2104). WebCrypto has both only as promises, and a signature is made in one go. */
class Sum {
  readonly #inner = new RawSha256();
  readonly #outer: RawSha256 | undefined;

  constructor(key?: Uint8Array) {
    if (!key) return;
    const block = Buffer.alloc(64);
    block.set(key.length > block.length ? new Sum().update(key).digest() : key);
    this.#outer = new RawSha256();
    this.#outer.update(block.map((byte) => byte ^ 0x5c));
    this.#inner.update(block.map((byte) => byte ^ 0x36));
  }

  update(data: Uint8Array | string): this {
    this.#inner.update(typeof data === 'string' ? Buffer.from(data) : data);
    return this;
  }

  digest(): Buffer;
  digest(encoding: 'hex'): string;
  digest(encoding?: 'hex'): Buffer | string {
    const inner = this.#inner.digest();
    this.#outer?.update(inner);
    const bytes = Buffer.from(this.#outer?.digest() ?? inner);
    return encoding ? bytes.toString(encoding) : bytes;
  }
}

export const createHash = (_algorithm: 'sha256'): Sum => new Sum();
export const createHmac = (_algorithm: 'sha256', key: Uint8Array): Sum => new Sum(key);
export const hash = (_algorithm: 'sha256', data: Uint8Array | string, encoding: 'hex'): string =>
  new Sum().update(data).digest(encoding);

// --- node:zlib

type Bound = { readonly maxOutputLength: number };

export const gunzipSync = (bytes: Uint8Array, { maxOutputLength }: Bound): Buffer =>
  unpackPieces(bytes, maxOutputLength, (output) => new Gunzip(output));
export const zstdDecompressSync = (bytes: Uint8Array, { maxOutputLength }: Bound): Buffer =>
  unpackPieces(bytes, maxOutputLength, (output) => new Decompress(output));

export const gzipSync = (bytes: Uint8Array): Uint8Array => gzipOf(bytes);

const onlyInNode = (): never => {
  throw new Error('a page cannot write this codec');
};

/** Servers use the forms that return a promise, and the SDK does not. */
export {
  onlyInNode as zstdCompressSync,
  onlyInNode as gunzip,
  onlyInNode as gzip,
  onlyInNode as zstdCompress,
  onlyInNode as zstdDecompress,
};

// --- @aws-sdk/credential-provider-node

export const defaultProvider = () => async (): Promise<never> => {
  throw new Error('a page has no AWS chain: set credentials');
};

// --- lib/bytes/crc32c-simd.ts

/** A page's policy may forbid WebAssembly, and the module is a fiftieth of this build. The tables serve instead. */
export const blockCrc = (): undefined => undefined;
export const blockBytes = Number.MAX_SAFE_INTEGER;

// --- node:module

export const createRequire = (): (() => never) => onlyInNode;
