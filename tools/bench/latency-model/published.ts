// How long the services of AWS take, from published measurements, and what is assumed where none is published. One place holds
// every number of the model, so that a measurement in AWS can replace it.
//
// A duration is lognormal, fitted to its median and its 99th percentile. In addition, a request to S3 may stall.
// - S3 Standard, PUT up to half a megabyte: 60 to 70 ms and 137 ms; others measured 100 and 195. From Lambda with TLS, 60 KB took
//   60 to 133 ms (kkc.github.io/2020/03/16/s3-latency). GET: 26 and 86 to 113 ms; Quickwit gives 30 and 80 ms
//   (quickwit.io/blog/s3-express-speculations). AWS itself says 100 to 200 ms for small objects.
// - S3 Express One Zone: PUT about 9 and 16 to 33 ms, GET 2.5 and 9 ms. AWS says single-digit milliseconds. WarpStream's produce
//   over it bounds it from above (warpstream.com/blog/warpstream-s3-express-one-zone-benchmark-and-total-cost-of-ownership).
// - DynamoDB, PutItem 7.5 and 16 ms, a transaction of 5 items 25 and 92 ms, measured from Lambda in 2020
//   (alexdebrie.com/posts/dynamodb-transactions-performance). Today it may be faster. Reads: assumed.
// - HTTP API: less than 10 ms more at the 99th percentile (AWS compute blog, "HTTP APIs now generally available"). Its median is
//   assumed.
// - Lambda: a small Node function starts in 100 to 150 ms (decodednode.com/2026/01). To this comes what our function takes longer
//   to import than an empty one (README.md beside this folder, `functions`), and the first connections: assumed.
// - Stalls: S3 is known to answer one call in some thousands after a second or more. The rate is assumed.

export type Duration = { readonly p50: number; readonly p99: number };

/** One in `every` requests takes this much longer. */
export type Stall = { readonly every: number; readonly fromMs: number; readonly toMs: number };

export type Storage = { readonly put: Duration; readonly get: Duration; readonly stall: Stall };

/** Assumed: once in five thousand calls. */
const rareStall: Stall = { every: 5_000, fromMs: 1_000, toMs: 2_000 };
/** The bad day of issue and aim: one PUT or GET in two hundred. */
const oftenStall: Stall = { ...rareStall, every: 200 };

const s3Standard: Storage = { put: { p50: 65, p99: 137 }, get: { p50: 26, p99: 100 }, stall: rareStall };

export const storages = {
  'S3 Standard': s3Standard,
  'S3 Standard, 1 in 200 stalls': { ...s3Standard, stall: oftenStall },
  'S3 Express': { put: { p50: 9, p99: 25 }, get: { p50: 2.5, p99: 9 }, stall: rareStall },
} as const satisfies Record<string, Storage>;

export const dynamoDb = {
  write: { p50: 7.5, p99: 16 },
  transact: { p50: 25, p99: 92 },
  /** Assumed: somewhat faster than a write. */
  read: { p50: 5, p99: 12 },
} as const satisfies Record<string, Duration>;

export const lambda = {
  /** Assumed: the way from the gateway into a warm environment and back, and our own code. */
  warm: { p50: 5, p99: 15 },
  /** Assumed from its parts: 125 ms for Node, 190 ms for the import of the function, 50 ms for the first connections. */
  cold: { p50: 365, p99: 700 },
  /** Assumed: AWS does not say how long an idle environment is kept. */
  keptMs: 10 * 60_000,
} as const;

/** The median is assumed. */
export const httpApi: Duration = { p50: 5, p99: 10 };
