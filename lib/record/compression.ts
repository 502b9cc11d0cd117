export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

/** At the position of their code in a batch's attributes. */
export const compressions: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

export function compress(codec: Compression, bytes: Uint8Array): Uint8Array {
  throw new Error(`not yet: ${codec} of ${bytes.length}`);
}

export function decompress(codec: Compression, bytes: Uint8Array, maxBytes: number): Uint8Array {
  throw new Error(`not yet: ${codec} of ${bytes.length}, ${maxBytes}`);
}
