// CRC-32C (Castagnoli, RFC 3720 B.4), the checksum of Kafka's batches and of our segments: reflected polynomial
// 0x82f63b78, register begun and ended inverted. Slicing-by-8: eight tables turn eight bytes into eight independent
// look-ups, several times faster in V8 than one table and a byte at a time.

const polynomial = 0x82f63b78;

/** Row n of 256 entries: the effect of a byte that is followed by n zero bytes. */
const tables = buildTables();

function buildTables(): Int32Array {
  const rows = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    rows[byte] = crc;
  }
  for (let i = 256; i < rows.length; i++) {
    const previous = rows[i - 256]!;
    rows[i] = (previous >>> 8) ^ rows[previous & 0xff]!;
  }
  return rows;
}

/** Of bytes [from, to); unsigned 32 bits. */
export function crc32c(bytes: Uint8Array, from = 0, to = bytes.length): number {
  const t = tables;
  let crc = -1;
  let at = from;
  for (const whole = to - 7; at < whole; at += 8) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    crc =
      t[1792 + (crc & 0xff)]! ^
      t[1536 + ((crc >>> 8) & 0xff)]! ^
      t[1280 + ((crc >>> 16) & 0xff)]! ^
      t[1024 + (crc >>> 24)]! ^
      t[768 + bytes[at + 4]!]! ^
      t[512 + bytes[at + 5]!]! ^
      t[256 + bytes[at + 6]!]! ^
      t[bytes[at + 7]!]!;
  }
  for (; at < to; at++) crc = (crc >>> 8) ^ t[(crc ^ bytes[at]!) & 0xff]!;
  return ~crc >>> 0;
}
