// Groups of Kafka's classic protocol, as the Kafka listener sees them: `engine.classicGroups`. Members join a round
// (JoinGroup), their leader assigns (SyncGroup), and each completed round is a generation. All other operations of groups are
// the same for both protocols.
import type { PartitionCommit, PerPartitionReply } from './groups.ts';
import type { TopicRef } from './topics.ts';

export type ClassicProtocol = { readonly name: string; readonly metadata: Uint8Array };

export type JoinGroupRequest = {
  readonly groupId: string;
  /** One that the member has, or a new one (`newMemberId`). */
  readonly memberId: string;
  /** Makes the member static: a new member with the same instance id takes the place of the last one. */
  readonly instanceId?: string;
  readonly protocolType: string;
  /** The one that the member likes best comes first. */
  readonly protocols: readonly ClassicProtocol[];
  readonly sessionTimeoutMs: number;
  /** How long the others wait for this member once a round has begun. */
  readonly rebalanceTimeoutMs: number;
  readonly clientId?: string;
  readonly host?: string;
  /** Ends the wait when the client has gone. */
  readonly signal?: AbortSignal;
};

export type JoinGroupReply = {
  readonly generation: number;
  readonly protocolType: string;
  readonly protocol: string;
  readonly leader: string;
  /** Only the leader gets the metadata of each member under this protocol. */
  readonly members: readonly {
    readonly memberId: string;
    readonly instanceId?: string;
    readonly metadata: Uint8Array;
  }[];
  /** The generation has its assignment already, and the leader must not bring another. */
  readonly skipAssignment: boolean;
};

/** A member of a generation. A static member may name its instance: it learns then whether another took its place. */
export type Generation = {
  readonly groupId: string;
  readonly memberId: string;
  readonly instanceId?: string;
  readonly generation: number;
};

export type SyncGroupRequest = Generation & {
  readonly protocolType?: string;
  readonly protocol?: string;
  /** Only the leader's are looked at. */
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Uint8Array }[];
  readonly signal?: AbortSignal;
};

export type SyncGroupReply = {
  readonly protocolType: string;
  readonly protocol: string;
  readonly assignment: Uint8Array;
};

export type LeaveGroupRequest = {
  readonly groupId: string;
  /** Empty if only the instance is known: then its member leaves, whichever it is. */
  readonly memberId: string;
  readonly instanceId?: string;
};

export type ClassicCommit = Generation & {
  /** A client that has gone may have committed anew by another connection: nothing is written for it any more. */
  readonly signal?: AbortSignal;
  readonly topics: readonly (TopicRef & { readonly partitions: readonly PartitionCommit[] })[];
};

export type ClassicState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable';

export type ClassicDescription = {
  readonly state: ClassicState;
  readonly protocolType: string;
  /** Empty before the first round is complete. */
  readonly protocol: string;
  readonly members: readonly {
    readonly memberId: string;
    readonly instanceId?: string;
    readonly clientId: string;
    readonly host: string;
    readonly metadata: Uint8Array;
    readonly assignment: Uint8Array;
  }[];
};

export type ClassicGroups = {
  /** Makes an id for a member that has none. It is good for five minutes, and then as long as the member joins by it. */
  newMemberId(clientId: string): string;
  /** Waits for the other members, for up to the greatest of their rebalance timeouts. */
  join(request: JoinGroupRequest): Promise<JoinGroupReply>;
  /** Waits for the leader. */
  sync(request: SyncGroupRequest): Promise<SyncGroupReply>;
  /** Throws REBALANCE_IN_PROGRESS if the member must join again. */
  heartbeat(request: Generation): Promise<void>;
  leave(request: LeaveGroupRequest): Promise<void>;
  commit(request: ClassicCommit): Promise<PerPartitionReply>;
  /** Undefined if the group has another protocol. */
  describe(groupId: string): Promise<ClassicDescription | undefined>;
};
