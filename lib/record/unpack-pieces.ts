// Unpacks by a decoder that cannot bound what it makes: it gets its input piece by piece, and is stopped when it has made too
// much. So a batch that claims little cannot fill the memory.

export type Decoder = { push(piece: Uint8Array, final?: boolean): void };

/** A piece of this size unpacks to 4 MiB at most. */
const pieceBytes = 4 * 1024;

/** Throws an error with the code ERR_BUFFER_TOO_LARGE, as Node's zlib does. `make` gets what the decoder calls with its output. */
export function unpackPieces(
  bytes: Uint8Array,
  maxBytes: number,
  make: (output: (piece: Uint8Array) => void) => Decoder,
): Buffer {
  const pieces: Uint8Array[] = [];
  let made = 0;
  const decoder = make((piece) => {
    made += piece.length;
    if (made > maxBytes) throw Object.assign(new Error('too many bytes'), { code: 'ERR_BUFFER_TOO_LARGE' });
    // The decoder may write into this memory again.
    pieces.push(piece.slice());
  });
  for (let at = 0; at < bytes.length; at += pieceBytes)
    decoder.push(bytes.slice(at, at + pieceBytes), at + pieceBytes >= bytes.length);
  return Buffer.concat(pieces);
}
