// An API of Kafka's protocol has a key, the versions that are served, and a function that answers. Each file in api/ defines
// one; apis.ts lists them.
import type { Engine } from '../lib/api/engine.ts';
import type { Rights } from './auth/rules/rules.ts';
import type { Session } from './auth/session.ts';
import type { Cluster } from './cluster.ts';
import type { PartitionsSeen } from './fetch/partitions-seen.ts';
import type { HeartbeatNumbers } from './heartbeat-numbers.ts';
import type { Chains } from './produce/chain.ts';
import type { TopicNames } from './topic-names.ts';

/** All handlers share this. Nothing in it is the truth about a record or a topic: the engine is. */
export type Gateway = {
  readonly engine: Engine;
  readonly cluster: Cluster;
  readonly names: TopicNames;
  readonly chains: Chains;
  readonly heartbeatNumbers: HeartbeatNumbers;
  /** A topic that a client asks for is created if it is missing. */
  readonly autoCreateTopics: boolean;
  /** So many partitions a topic gets that is created on the way. */
  readonly numPartitions: number;
  readonly rightsOf: (principal: string) => Rights;
  /** Receives each request that was answered, or could not be. */
  readonly onAnswered?: OnAnswered;
  /** Receives what no client can learn: failures that should not happen. */
  readonly onError: (error: unknown) => void;
};

export type OnAnswered = (answer: {
  /** Kafka's name for the API. */
  readonly api: string;
  readonly durationMs: number;
  /** The connection has to be closed. */
  readonly hasFailed: boolean;
}) => void;

/** What ApiVersions has told of the client. It is empty before, and old clients do not tell. */
export type Client = { softwareName: string };

/** One request, as its handler sees it. */
export type Call = {
  readonly version: number;
  /** Numbers the connections of a server. */
  readonly connection: number;
  /** The address of the client. */
  readonly host: string;
  /** The connection keeps this of its client. */
  readonly client: Client;
  /** The name that the client gives itself. */
  readonly clientId: string;
  readonly session: Session;
  /** The client's rights. Guards have taken out of the request all that it may not do; these are for what shows later. */
  readonly rights: Rights;
  /** The partitions that this connection has fetched from: those that it asks for first are looked at strongly. */
  readonly fetched: PartitionsSeen;
  /** Resolves when there is memory for a reply with so many bytes of records. It is given back when the reply is sent. */
  readonly roomFor: (bytes: number) => Promise<void>;
  /** When the request came, by `performance.now()`. It may have waited for earlier ones since. */
  readonly receivedMs: number;
  /** Ends a wait when the client has gone or the server closes. */
  readonly signal: AbortSignal;
};

export type Api = {
  readonly key: number;
  readonly versions: readonly [first: number, last: number];
  /** Whether requests of one connection may be at work beside each other. Only produces and pure reads may. */
  readonly overlaps: boolean;
  /**
   * Replies may be so large that a connection has one of them in memory at a time: a request begins when the earlier ones of
   * this kind are answered.
   */
  readonly takesTurns?: boolean;
  /** Undefined if the client expects no reply. An error that is thrown closes the connection. */
  readonly answer: (gateway: Gateway, message: unknown, call: Call) => Promise<object | undefined>;
};

type Definition<Request, Reply> = Omit<Api, 'answer'> & {
  readonly answer: (gateway: Gateway, request: Request, call: Call) => Promise<Reply | undefined>;
};

/** The codec gives the fields that the table has, so a handler's own type of its request must agree with the table. */
export const defineApi = <Request, Reply extends object>({ answer, ...api }: Definition<Request, Reply>): Api => ({
  ...api,
  answer: (gateway, message, call) => answer(gateway, message as Request, call),
});
