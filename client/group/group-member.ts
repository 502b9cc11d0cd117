// This class keeps a consumer in its group. It sends heartbeats on a timer of their own, however long the handlers take,
// and carries out the changes of the assignment, one after the other. membership.ts decides what to do.
import type { Clock } from '../../lib/runtime/clock.ts';
import { isClientError, RivuletClientError } from '../client-error.ts';
import { backoffMs, type RetryPolicy, retrying } from '../transport/retry.ts';
import { steadyTime } from '../transport/steady-time.ts';
import type { CommitIdentity, GroupApi } from './group-api.ts';
import {
  byTopic,
  decide,
  type Member,
  type MemberAction,
  type MemberEvent,
  type MembershipEvent,
  newMember,
  type OwnedPartition,
} from './membership.ts';

export type MemberContext = {
  readonly clock: Clock;
  readonly retry: RetryPolicy;
  readonly requestTimeoutMs: number;
  readonly clientId: string;
  readonly api: GroupApi;
};

export type MemberOptions = {
  readonly groupInstanceId: string | undefined;
  readonly assignor: string | undefined;
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly maxPollIntervalMs: number;
};

export type Subscription = { readonly topics: readonly string[] } | { readonly regex: string };

/** The consumer's side of the membership. An error that it throws ends the membership. */
export type MemberOwner = {
  assign(partitions: readonly OwnedPartition[]): Promise<void>;
  /** Releases the partitions. When the signal aborts they are lost, and `revoke` must do nothing more about them. */
  revoke(partitions: readonly OwnedPartition[], signal: AbortSignal): Promise<void>;
  /** From now on, no message of them may be handed over. */
  drop(partitions: readonly OwnedPartition[]): void;
  lost(partitions: readonly OwnedPartition[], reason: RivuletClientError): Promise<void>;
  /** The membership has ended. */
  fail(error: unknown): void;
  /** The lease may have changed, so messages may be handed over again, or no longer. */
  wake(): void;
  /** @returns why the consumer must leave its group, if a handler works for too long. */
  slow(): RivuletClientError | undefined;
  told(event: MembershipEvent): void;
};

/** A hanging request may take at most this fraction of a session: one third. */
const requestShare = 3;
const leaveTries = 3;
/** The longest time between two checks for a slow handler. */
const watchMs = 1_000;

/** A leave request that is refused with one of these codes was not needed: the group has already removed the member. */
const alreadyOut: ReadonlySet<string> = new Set(['UNKNOWN_MEMBER_ID', 'FENCED_MEMBER_EPOCH', 'GROUP_ID_NOT_FOUND']);

type Change = Extract<MemberAction, { type: 'assign' | 'revoke' | 'lose' }>;

export class GroupMember {
  readonly memberId: string;
  readonly #context: MemberContext;
  readonly #options: MemberOptions;
  readonly #owner: MemberOwner;
  readonly #time: () => number;
  #subscription: Subscription;
  #member: Member;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #request = new AbortController();
  #losing = new AbortController();
  #changes: Promise<void> = Promise.resolve();
  #left: Promise<void> = Promise.resolve();

  constructor(context: MemberContext, options: MemberOptions, subscription: Subscription, owner: MemberOwner) {
    this.#context = context;
    this.#options = options;
    this.#subscription = subscription;
    this.#owner = owner;
    this.#time = steadyTime(context.clock);
    // Browsers' builds have a Buffer that does not know base64url.
    const id = Buffer.from(context.clock.randomBytes(16)).toString('base64');
    this.memberId = id.slice(0, 22).replaceAll('+', '-').replaceAll('/', '_');
    this.#member = newMember(this.#time());
    this.#tick();
  }

  get ended(): boolean {
    return this.#member.phase === 'ended';
  }

  /** Returns undefined while the consumer is not a member. */
  identity(): CommitIdentity | undefined {
    const { phase, epoch } = this.#member;
    return phase === 'member' ? { memberId: this.memberId, memberEpoch: epoch } : undefined;
  }

  /** Whether the assigned partitions are still ours, as far as the lease can tell without a request. */
  mayDeliver(): boolean {
    return this.#time() < this.#member.leaseEndMs;
  }

  subscribe(subscription: Subscription): void {
    this.#subscription = subscription;
    this.#happened({ type: 'subscribed', nowMs: this.#time() });
  }

  /** Releases all partitions, and then tells the group. */
  async leave(): Promise<void> {
    this.#happened({ type: 'leave', nowMs: this.#time() });
    while (!this.ended) await this.#changes;
    await this.#changes;
    await this.#left;
  }

  #happened(event: MemberEvent): void {
    const before = this.#member;
    const { member, actions } = decide(before, this.#settings, event);
    this.#member = member;
    this.#tell(before, member);
    for (const action of actions) this.#perform(action);
    this.#owner.wake();
    this.#schedule();
  }

  #tell(before: Member, now: Member): void {
    if (now.phase === 'member' && before.phase !== 'member')
      this.#owner.told({ type: 'joined', memberId: this.memberId });
    if (now.unreleasedSinceMs !== undefined && before.unreleasedSinceMs === undefined)
      this.#owner.told({ type: 'instance-in-use' });
  }

  get #settings() {
    const { sessionTimeoutMs, heartbeatIntervalMs, groupInstanceId } = this.#options;
    return { sessionTimeoutMs, heartbeatIntervalMs, isStatic: groupInstanceId !== undefined };
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.ended) return;
    const leftMs = Math.max(0, this.#member.dueMs - this.#time());
    this.#timer = setTimeout(() => this.#tick(), Math.min(watchMs, Math.ceil(leftMs)));
  }

  #tick(): void {
    const reason = this.#owner.slow();
    const nowMs = this.#time();
    const { phase } = this.#member;
    if (reason && phase !== 'resting') this.#happened({ type: 'slow', reason, nowMs });
    else if (!reason && phase === 'resting') this.#happened({ type: 'rested', nowMs });
    else this.#happened({ type: 'due', nowMs });
  }

  #perform(action: MemberAction): void {
    switch (action.type) {
      case 'heartbeat':
        void this.#beat(action);
        break;
      case 'leave':
        this.#request.abort();
        this.#left = this.#sayGoodbye(action);
        break;
      case 'fail':
        this.#owner.fail(action.error);
        break;
      case 'lose':
        this.#losing.abort();
        this.#owner.drop(action.partitions);
        this.#change(action);
        break;
      default:
        this.#change(action);
    }
  }

  #change(change: Change): void {
    if (change.type !== 'lose') this.#losing = new AbortController();
    const { signal } = this.#losing;
    this.#changes = this.#changes.then(async () => {
      try {
        await this.#make(change, signal);
      } catch (error) {
        this.#owner.fail(error);
      }
      this.#happened({ type: 'changed', number: change.number, nowMs: this.#time() });
    });
  }

  async #make(change: Change, signal: AbortSignal): Promise<void> {
    if (change.type === 'lose') await this.#owner.lost(change.partitions, change.reason);
    else if (signal.aborted) return;
    else if (change.type === 'assign') await this.#owner.assign(change.partitions);
    else await this.#owner.revoke(change.partitions, signal);
  }

  async #beat({ seq, epoch, owned }: Extract<MemberAction, { type: 'heartbeat' }>): Promise<void> {
    this.#request.abort();
    this.#request = new AbortController();
    const { signal } = this.#request;
    const { api, requestTimeoutMs } = this.#context;
    const timeoutMs = Math.min(requestTimeoutMs, this.#options.sessionTimeoutMs / requestShare);
    try {
      const reply = await api.heartbeat(this.#body(seq, epoch, owned), timeoutMs, signal);
      this.#failures = 0;
      this.#happened({ type: 'answered', seq, reply, nowMs: this.#time() });
    } catch (cause) {
      if (!signal.aborted) this.#refused(seq, cause);
    }
  }

  #refused(seq: number, cause: unknown): void {
    const { clock, retry } = this.#context;
    const error = clientError(cause);
    const waitMs = Math.min(backoffMs(clock, retry, ++this.#failures, error), this.#options.heartbeatIntervalMs);
    this.#happened({ type: 'refused', seq, error, backoffMs: waitMs, nowMs: this.#time() });
  }

  /** Every heartbeat sends everything, so that no lost reply and no lost request makes a difference. */
  #body(seq: number, epoch: number, owned: readonly OwnedPartition[]): object {
    const { groupInstanceId, assignor, sessionTimeoutMs, heartbeatIntervalMs, maxPollIntervalMs } = this.#options;
    const subscription = this.#subscription;
    return {
      memberId: this.memberId,
      memberEpoch: epoch,
      heartbeatSeq: seq,
      instanceId: groupInstanceId,
      clientId: this.#context.clientId,
      rebalanceTimeoutMs: maxPollIntervalMs,
      sessionTimeoutMs,
      heartbeatIntervalMs,
      subscribedTopicNames: 'topics' in subscription ? subscription.topics : [],
      // A field that is left out would mean: keep the earlier value.
      subscribedTopicRegex: 'regex' in subscription ? subscription.regex : '',
      serverAssignor: assignor,
      topicPartitions: byTopic(owned),
    };
  }

  /** Best effort: if this request is lost, the session timeout removes the member. */
  async #sayGoodbye({ seq, epoch }: Extract<MemberAction, { type: 'leave' }>): Promise<void> {
    const { clock, api, requestTimeoutMs, retry } = this.#context;
    const timeoutMs = Math.min(requestTimeoutMs, this.#options.sessionTimeoutMs / requestShare);
    // The timeout covers all tries together, because the caller of stop() is waiting.
    const signal = AbortSignal.timeout(Math.ceil(timeoutMs));
    const body = {
      memberId: this.memberId,
      memberEpoch: epoch,
      heartbeatSeq: seq,
      instanceId: this.#options.groupInstanceId,
    };
    const policy = { ...retry, retries: leaveTries };
    const send = () => api.heartbeat(body, timeoutMs, signal);
    try {
      await retrying(clock, policy, send, signal);
    } catch (cause) {
      const reason = clientError(cause);
      if (!alreadyOut.has(reason.errorCode)) this.#owner.told({ type: 'not-left', reason });
    }
  }
}

function clientError(cause: unknown): RivuletClientError {
  return isClientError(cause) ? cause : new RivuletClientError('GATEWAY_ERROR', String(cause), { cause });
}
