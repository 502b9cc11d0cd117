// Every bound of the Kafka listener has its reason here.

const KiB = 1024;
const MiB = 1024 * KiB;

export const limits = {
  /** Kafka's socket.request.max.bytes has the same value. */
  frameBytes: 100 * MiB,
  /** The requests and the replies of all connections together. */
  budgetBytes: 256 * MiB,
  /** A connection is not read on while it has so many requests, or so many bytes of them, unanswered. */
  unansweredRequests: 100,
  unansweredBytes: 32 * MiB,
  /** Each connection is a socket with its buffers. */
  connections: 1_000,
  /** Names, proofs and tokens are shorter. */
  unauthenticatedFrameBytes: 64 * KiB,
  /** A client that is not known by then is closed. The keys of an issuer, and STS, may have to be asked. */
  authenticationMs: 20_000,
  /** When one more comes, the oldest that is not known yet is closed. So those that say nothing keep nobody out for long. */
  unauthenticatedConnections: 200,
  /**
   * A frame that was only announced holds so much of the budget; the rest is taken when these bytes are there. All
   * connections together leave room for one more frame, so that no frame waits for another that waits too.
   */
  announcedBytes: 64 * KiB,
  /** A client sends a frame whole. One that does not would keep its bytes from the others. */
  frameMs: 30_000,
  /** The rest of a long frame arrives without a longer pause than this. */
  framePauseMs: 5_000,
  /** A client that does not read its replies for so long is gone. */
  unreadReplyMs: 60_000,
  /** The time for a client of another protocol to read what is wrong. */
  lingerMs: 1_000,
  /** Kafka's connections.max.idle.ms has the same value. */
  idleMs: 600_000,
  /** Load balancers forget connections that are silent for longer; the one of AWS after 350 s. */
  keepAliveMs: 60_000,
  /** The time for requests under way to be answered, once the server closes. */
  closeMs: 10_000,
} as const;

export type Limits = { readonly [name in keyof typeof limits]: number };
