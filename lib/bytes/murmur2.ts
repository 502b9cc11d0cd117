// Chooses the partition of a key. Every Kafka client uses this function, so that producers in different languages send one
// key to one partition: MurmurHash2, 32 bits, Kafka's seed, in Java's wrapping int arithmetic.
// (org.apache.kafka.common.utils.Utils.murmur2 and BuiltInPartitioner.partitionForKey)

const seed = 0x9747b28c;
const multiplier = 0x5bd1e995;

/** Returns a signed 32-bit integer, as Java does. */
export function murmur2(key: Uint8Array): number {
  const { length } = key;
  const tail = length & ~3;
  let hash = seed ^ length;
  for (let at = 0; at < tail; at += 4) {
    let word = Math.imul(key[at]! | (key[at + 1]! << 8) | (key[at + 2]! << 16) | (key[at + 3]! << 24), multiplier);
    word = Math.imul(word ^ (word >>> 24), multiplier);
    hash = Math.imul(hash, multiplier) ^ word;
  }
  if (tail < length) hash = Math.imul(hash ^ tailWord(key, tail), multiplier);
  hash = Math.imul(hash ^ (hash >>> 13), multiplier);
  return hash ^ (hash >>> 15);
}

/** The last one to three bytes, little-endian. */
function tailWord(key: Uint8Array, tail: number): number {
  return key[tail]! | ((key[tail + 1] ?? 0) << 8) | ((key[tail + 2] ?? 0) << 16);
}

/** Returns a partition in [0, partitions). Kafka's toPositive clears the sign bit; that is not the absolute value. */
export function partitionForKey(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}
