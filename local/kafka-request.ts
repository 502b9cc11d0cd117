// People give the HTTP port to one of Kafka's clients. Such a client reads no HTTP, so only the person who runs the service can be
// told.

/** The APIs that clients ask first: Metadata, SaslHandshake, ApiVersions. */
const firstApis: readonly number[] = [3, 17, 18];

/** A request begins with its length, which is below 16 MiB here, and the key of its API. */
export const isKafkaRequest = (bytes: Buffer): boolean =>
  bytes.length >= 8 && bytes[0] === 0 && firstApis.includes(bytes.readInt16BE(4));
