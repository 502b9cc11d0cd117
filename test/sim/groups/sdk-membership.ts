// This membership is the SDK's: its own decision table (client/group/membership.ts), driven by simulated time.
import { RivuletClientError } from '../../../client/client-error.ts';
import {
  byTopic,
  decide,
  type Member,
  type MemberAction,
  type MemberEvent,
  newMember,
  type OwnedPartition,
} from '../../../client/group/membership.ts';
import { RivuletError } from '../../../lib/api/errors.ts';
import type { HeartbeatReply } from '../../../lib/api/groups.ts';
import {
  beatMs,
  begin,
  commitAll,
  type Held,
  pause,
  requestOf,
  type State,
  type Surroundings,
  sendBeat,
  sessionMs,
  skewMs,
  thawed,
} from './member.ts';

type Beat = Extract<MemberAction, { type: 'heartbeat' }>;

const keyOf = ({ topic, partition }: OwnedPartition) => `${topic}-${partition}`;

export async function sdkMembership(world: Surroundings, state: State): Promise<void> {
  const { scheduler } = world;
  const settings = {
    sessionTimeoutMs: sessionMs,
    heartbeatIntervalMs: beatMs,
    isStatic: state.options.instance !== undefined,
  };
  let member: Member = newMember(scheduler.now());

  function happened(event: MemberEvent): void {
    if (!state.isAlive) return;
    const decision = decide(member, settings, event);
    member = decision.member;
    state.seq = member.seq;
    state.epoch = member.phase === 'member' ? member.epoch : 0;
    state.leaseEndsMs = member.leaseEndMs;
    for (const action of decision.actions) void perform(action);
  }

  async function perform(action: MemberAction): Promise<void> {
    if (action.type === 'heartbeat') return beat(action);
    if (action.type === 'fail') return failed(action.error);
    if (action.type === 'leave') return;
    if (action.type === 'assign') take(action.partitions);
    else await letGo(action.partitions, action.type === 'revoke');
    await thawed(world, state);
    happened({ type: 'changed', number: action.number, nowMs: scheduler.now() });
  }

  function take(partitions: readonly OwnedPartition[]): void {
    for (const one of partitions) {
      const held: Held = { ...one, position: undefined, committed: -1, isStopped: false };
      state.held.set(keyOf(one), held);
      void begin(world, state, keyOf(one), held);
    }
  }

  async function letGo(partitions: readonly OwnedPartition[], commits: boolean): Promise<void> {
    const held = partitions.flatMap((one) => state.held.get(keyOf(one)) ?? []);
    for (const one of held) one.isStopped = true;
    if (commits) await commitAll(world, state, held);
    // Meanwhile another change may have taken the partition up again.
    for (const one of partitions) if (held.includes(state.held.get(keyOf(one))!)) state.held.delete(keyOf(one));
  }

  /** A member whose instance id is still in use starts again, as a supervisor would do. Any other failure ends it. */
  function failed({ errorCode }: RivuletClientError): void {
    if (errorCode === 'UNRELEASED_INSTANCE_ID') member = { ...newMember(scheduler.now()), seq: member.seq };
    else state.isAlive = false;
  }

  async function beat({ seq, epoch, owned }: Beat): Promise<void> {
    const answer = await sendBeat(world, { ...requestOf(state, seq, epoch), topicPartitions: byTopic(owned) });
    await thawed(world, state);
    const nowMs = scheduler.now();
    if (answer !== 'lost' && 'reply' in answer) {
      note(seq, answer.reply);
      happened({ type: 'answered', seq, reply: answer.reply, nowMs });
    } else {
      const error = answer === 'lost' ? lost : clientErrorOf(answer.error);
      world.trace(`${state.options.name} is refused: ${error.errorCode}`);
      happened({ type: 'refused', seq, error, backoffMs: 300 + world.random.below(700), nowMs });
    }
  }

  /** Notes a reply that the member will take. */
  function note(seq: number, { memberEpoch: epoch, assignment, leaseMs }: HeartbeatReply): void {
    const atMs = scheduler.now();
    if (!state.isAlive || seq !== member.seq || atMs >= member.sentMs + leaseMs - skewMs) return;
    const { name, instance } = state.options;
    const partitions = assignment.flatMap(({ topic, partitions: of }) => of.map((p) => `${topic}-${p}`));
    world.trace(`${name} is at epoch ${epoch}: ${partitions.join(' ')}`);
    world.history.tellings.push({ member: name, epoch, partitions, atMs, ...(instance !== undefined && { instance }) });
  }

  while (state.isAlive) {
    await thawed(world, state);
    happened({ type: 'due', nowMs: scheduler.now() });
    await pause(world, Math.min(100, Math.max(1, member.dueMs - scheduler.now())));
  }
}

const lost = new RivuletClientError('REQUEST_TIMED_OUT', 'lost', { retriable: true });

function clientErrorOf(error: unknown): RivuletClientError {
  if (!(error instanceof RivuletError)) throw error;
  return new RivuletClientError(error.errorCode, error.message, { retriable: error.retriable });
}
