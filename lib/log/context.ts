// The steps of the log share this context in one process: the two ports, the clock, and copies learned from earlier
// replies. Safety does not depend on the copies: each may be stale, and a condition in the table decides.
import { type Head, parseHead } from '../partition/head.ts';
import type { PageAddress } from '../partition/page.ts';
import { newCache } from '../runtime/cache.ts';
import type { Clock } from '../runtime/clock.ts';
import { createGate, createGates, type Gate, type Gates } from '../runtime/concurrency.ts';
import { headKey } from '../storage/keys.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { Table } from '../storage/table.ts';
import { createTopics, type Topics } from '../topic/topics.ts';
import { type AppendNotifications, createAppendNotifications } from './append-notifications.ts';
import { createGroupCommit, type GroupCommit, type GroupCommitOptions } from './group-commit.ts';
import { createProducerHistories, type ProducerHistories } from './producer-history.ts';
import { createSliceReader, type SliceReader } from './read-slices.ts';

/** An engine is built on these. */
export type Ports = {
  readonly objects: ObjectStore;
  readonly table: Table;
  readonly clock: Clock;
  /** If true, no other engine writes to these ports, so a waiting fetch reads only heads that grew. Default: false. */
  readonly isOnlyWriter?: boolean;
  /**
   * If true, the slices that a reader is likely to ask for next are read while it gets its reply. Set it only where the
   * process goes on after a reply, which a Lambda function does not. Default: false.
   */
  readonly readsAhead?: boolean;
  /** Learns that the partition has pages to merge. It never rejects. A hint may get lost: the daily pass looks at all. */
  readonly hint?: (partition: HintedPartition) => Promise<void>;
  /** Appends of several requests may share a segment. Give it where a process serves many at a time. Default: they do not. */
  readonly groupCommit?: GroupCommitOptions;
  /**
   * How long the first round of a group of Kafka's classic protocol waits for further members. Give 500 where a round costs
   * much, as over S3 and DynamoDB. Default: 0.
   */
  readonly initialRebalanceDelayMs?: number;
  /** Given where maintenance runs in the same process, and announces log starts. Default: the engine has its own. */
  readonly notifications?: AppendNotifications;
};

export type HintedPartition = PageAddress & { readonly topic: string };

export type LogContext = Ports & {
  readonly topics: Topics;
  readonly heads: Heads;
  readonly histories: ProducerHistories;
  readonly notifications: AppendNotifications;
  readonly slices: SliceReader;
  readonly groups: GroupCommit | undefined;
  /** The updates of heads, by the name of the partition. Too many of one head at a time make its tail long. */
  readonly updates: Gates;
  /** If true, no other process appends, so every append is announced in this process. */
  readonly isOnlyWriter: boolean;
  readonly wideLooks: Gate;
};

type Heads = {
  /** Returns the newest copy that this process has seen. It may be old. */
  seen(address: PageAddress): Head | undefined;
  /** Returns undefined if the head was never made. It costs 1 read unit if strong (the default), and half a unit if not. */
  read(address: PageAddress, options?: { strong: boolean }): Promise<Head | undefined>;
  remember(address: PageAddress, head: Head): void;
};

const wideLooksAtOnce = 4;
/** An update is billed by the size of the tail. Eight updates give a third less throughput, and 32 a higher price. */
const updatesAtOnce = 16;
const headsKept = 20_000;

export function createLogContext(ports: Ports): LogContext {
  const { objects, table, clock } = ports;
  return {
    ...ports,
    topics: createTopics(table, clock),
    isOnlyWriter: ports.isOnlyWriter ?? false,
    heads: createHeads(table),
    histories: createProducerHistories(table, clock),
    notifications: ports.notifications ?? createAppendNotifications(clock),
    slices: createSliceReader({ objects, table }),
    groups: ports.groupCommit && createGroupCommit(clock, ports.groupCommit),
    updates: createGates(updatesAtOnce),
    wideLooks: createGate(wideLooksAtOnce),
  };
}

function createHeads(table: Table): Heads {
  const copies = newCache<Head>(headsKept);
  const heads: Heads = {
    seen: (address) => copies.get(partitionName(address)),
    async read(address, options = { strong: true }) {
      const item = await table.get(headKey(address.topicId, address.partition), options);
      const head = item && parseHead(item);
      if (head) heads.remember(address, head);
      return head;
    },
    remember(address, head) {
      const name = partitionName(address);
      const known = copies.get(name);
      if (!known || isNoOlder(head, known)) copies.set(name, head);
    },
  };
  return heads;
}

/** No number of a head ever falls. A copy with an older log start would serve records that were deleted. */
function isNoOlder(head: Head, known: Head): boolean {
  if (head.next !== known.next) return head.next > known.next;
  if (head.logStart !== known.logStart) return head.logStart > known.logStart;
  return head.mergedTo >= known.mergedTo;
}

export const partitionName = (address: PageAddress): string => `${address.topicId}/${address.partition}`;
