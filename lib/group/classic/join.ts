// JoinGroup: a member joins the group's next generation. The request waits, opens rounds, joins them and completes them,
// until a generation has the member. Any waiting request may make any step, and all of them may die: the client asks again.
import type { JoinGroupReply, JoinGroupRequest } from '../../api/classic-groups.ts';
import { limits } from '../../api/limits.ts';
import { invalid, refused } from '../../api/refusal.ts';
import { completeRound, openRound } from '../items/classic-heads.ts';
import type { ClassicState, GroupHead } from '../items/head.ts';
import { openHead } from '../items/heads.ts';
import { closed, isLiving, type Member, next, retired } from '../items/member.ts';
import { putMember, takeOver } from '../items/members.ts';
import { type Portions, readPortions, writePortions } from '../items/portions.ts';
import { checkGroupId, checkMemberId } from '../names.ts';
import { none } from '../partition-set.ts';
import { consumerProtocolType, subscribedTopics } from './consumer-protocol.ts';
import { type ClassicContext, type ClassicMember, goThrough, type Sight } from './context.ts';
import { isFresh } from './member-ids.ts';
import { type Candidate, type JoinStep, joinStep, leaderOf, protocolOf } from './rounds.ts';
import { inheritPlace } from './static.ts';

export async function join(context: ClassicContext, request: JoinGroupRequest): Promise<JoinGroupReply> {
  checkJoin(request);
  const { groupId, memberId, instanceId, protocolType, protocols, signal } = request;
  const id = { groupId, memberId, instanceId, protocolType, protocols };
  const { clock, log } = context;
  const begunMs = clock.monotonic();
  const isEarly = () => clock.monotonic() - begunMs < (log.initialRebalanceDelayMs ?? 0);
  const candidate = { ...id, isFresh: isFresh(memberId, clock.now()), entered: 0, isEarly: true };
  return goThrough(context, groupId, signal, (sight) => {
    candidate.isEarly = isEarly();
    return advance(context, request, candidate, sight);
  });
}

function checkJoin({ groupId, memberId, protocols, protocolType, sessionTimeoutMs, ...request }: JoinGroupRequest) {
  checkGroupId(groupId);
  checkMemberId(memberId);
  const { minSessionTimeoutMs, maxSessionTimeoutMs } = limits;
  if (!(sessionTimeoutMs >= minSessionTimeoutMs && sessionTimeoutMs <= maxSessionTimeoutMs))
    throw refused(
      'INVALID_SESSION_TIMEOUT',
      `session timeout: expected ${minSessionTimeoutMs} to ${maxSessionTimeoutMs} ms, got ${sessionTimeoutMs}`,
    );
  if (protocolType === '' || protocols.length === 0)
    throw refused('INCONSISTENT_GROUP_PROTOCOL', 'protocols: expected a type and at least one, got none');
  if (protocols.length > limits.protocols)
    throw invalid(`protocols: expected at most ${limits.protocols}, got ${protocols.length}`);
  const bytes = protocols.reduce((sum, { name, metadata }) => sum + Buffer.byteLength(name) + metadata.length, 0);
  if (bytes > limits.protocolsBytes)
    throw invalid(`protocols: expected at most ${limits.protocolsBytes} bytes in all, got ${bytes}`);
  const { clientId, host, instanceId } = request;
  if (instanceId === '') throw invalid('group instance id: expected at least one character, got none');
  for (const [name, text] of Object.entries({ clientId, host, protocolType, 'group instance id': instanceId }))
    if (text !== undefined && text.length > limits.memberTextLength)
      throw invalid(`${name}: expected at most ${limits.memberTextLength} characters, got ${text.length}`);
}

async function advance(
  context: ClassicContext,
  request: JoinGroupRequest,
  candidate: Candidate & { entered: number },
  sight: Sight,
): Promise<{ done: JoinGroupReply } | 'wait' | undefined> {
  const { groupId } = request;
  const step = joinStep(sight, candidate, context.clock.now());
  switch (step.kind) {
    case 'refuse':
      throw step.error;
    case 'wait':
      return 'wait';
    case 'make':
      await openHead(context, groupId);
      return undefined;
    case 'open':
      await open(context, request, sight, step.head);
      return undefined;
    case 'close':
      await close(context, groupId, step.members);
      return undefined;
    case 'complete':
      await complete(context, groupId, sight, step);
      return undefined;
    case 'enter':
      if (await enter(context, request, step)) candidate.entered = step.round;
      // Nothing has changed by a renewal, and the others may be about to renew their leases too.
      return step.before?.joined?.round === step.round ? 'wait' : undefined;
    case 'inherit': {
      const { state, holder } = step;
      const member = entering(request, undefined, state.generation, context.clock.now());
      if (await inheritPlace(context, groupId, state, member, holder)) candidate.entered = state.round;
      return undefined;
    }
    case 'answer':
      return answer(context, request, sight, step);
  }
}

export async function close(context: ClassicContext, groupId: string, members: readonly Member[]): Promise<void> {
  for (const member of members) await putMember(context, groupId, member, closed(member));
}

async function open(context: ClassicContext, request: JoinGroupRequest, { members }: Sight, head: GroupHead) {
  const { protocolType, rebalanceTimeoutMs } = request;
  const living = members.filter(isLiving).map(({ rebalanceMs }) => rebalanceMs);
  const rebalanceMs = Math.min(limits.maxRebalanceTimeoutMs, Math.max(rebalanceTimeoutMs, ...living));
  await openRound(context, request.groupId, head, { protocolType, rebalanceMs });
}

async function enter(
  context: ClassicContext,
  request: JoinGroupRequest,
  { round, before, predecessor }: Extract<JoinStep, { kind: 'enter' }>,
): Promise<boolean> {
  const member = entering(request, before, round, context.clock.now());
  return predecessor
    ? takeOver(context, request.groupId, { member, before, ...predecessor })
    : putMember(context, request.groupId, before, member);
}

function entering(request: JoinGroupRequest, before: Member | undefined, round: number, nowMs: number): Member {
  const { memberId, protocolType, protocols } = request;
  const isConsumer = protocolType === consumerProtocolType;
  const topics = isConsumer ? subscribedTopics(protocols[0]!.metadata).slice(0, limits.subscribedTopics) : [];
  return next(before ?? nobody(memberId, request.instanceId), {
    state: 'open',
    joined: { round, protocols },
    renewedMs: nowMs,
    sessionMs: request.sessionTimeoutMs,
    rebalanceMs: Math.min(limits.maxRebalanceTimeoutMs, Math.max(request.rebalanceTimeoutMs, 0)),
    subscription: { topics, regex: '', assignor: undefined },
    clientId: request.clientId ?? '',
    host: request.host ?? '',
  });
}

/** A member of the classic protocol shows no epoch, and its item lists no partitions: the offsets items have them. */
const nobody = (memberId: string, instanceId: string | undefined): Member => ({
  ...{ memberId, state: 'open', revision: 0, seq: 0, epoch: 0, shownEpoch: 0, owned: none, revoking: none },
  ...{ revokeDeadlineMs: 0, isWaiting: false, isBumpDue: false, renewedMs: 0, sessionMs: 0, rebalanceMs: 0 },
  ...{ subscription: { topics: [], regex: '', assignor: undefined }, clientId: '', host: '' },
  ...{ instanceId, rackId: undefined },
});

async function complete(
  context: ClassicContext,
  groupId: string,
  { members }: Sight,
  { state, joined }: { readonly state: ClassicState; readonly joined: readonly ClassicMember[] },
): Promise<void> {
  const protocol = protocolOf(joined);
  const leader = leaderOf(joined, state.leader);
  const said = joined.map(
    (member) => [member.memberId, member.joined.protocols.find(({ name }) => name === protocol)!.metadata] as const,
  );
  const roster = await writePortions(context, groupId, { generation: state.round, kind: 'r' }, new Map(said));
  if (!(await completeRound(context, groupId, state, { roster, leader, protocol }))) return;
  // The others must find a closed member of the generation, and only that.
  for (const member of members)
    if (member.state === 'closed') await putMember(context, groupId, member, retired(member));
}

async function answer(
  context: ClassicContext,
  request: JoinGroupRequest,
  sight: Sight,
  { head, state }: { readonly head: GroupHead; readonly state: ClassicState },
): Promise<{ done: JoinGroupReply } | undefined> {
  const { groupId, memberId } = request;
  const { generation, protocolType, protocol = '', leader = '', phase } = state;
  const roster = await readPortions(context.table, groupId, { generation, kind: 'r' }, state.roster!);
  if (!roster) return undefined;
  // The round was completed by a process that had read the members before this one joined.
  if (!roster.has(memberId)) {
    await open(context, request, sight, head);
    return undefined;
  }
  const members = leader === memberId ? rosterOf(roster, sight) : [];
  const skipAssignment = phase === 'stable';
  return { done: { generation, protocolType, protocol, leader, members, skipAssignment } };
}

const rosterOf = (roster: Portions, { members }: Sight): JoinGroupReply['members'] =>
  [...roster].map(([memberId, metadata]) => {
    const instanceId = members.find((member) => member.memberId === memberId)?.instanceId;
    return { memberId, metadata, ...(instanceId !== undefined && { instanceId }) };
  });
