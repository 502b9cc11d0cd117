// Clients that are members of the group, and commit their offsets with a member epoch. A member sends heartbeats only until it
// owns the input. So its session times out, also in the middle of a transaction, and another member reads on from the committed
// offset. The first one learns of it when it is refused.
import type { HeartbeatReply } from '../../../lib/api/groups.ts';
import type { Answer } from '../core/process.ts';
import { newMemberName } from '../groups/member.ts';
import {
  ask,
  type Client,
  calmly,
  codeOf,
  groupId,
  inputs,
  type Job,
  type Member,
  pause,
  type World,
} from './client.ts';

const sessionMs = 10_000;
const longestPauseMs = 1_000;
const mostBeats = 20;
const fenced = new Set(['UNKNOWN_MEMBER_ID', 'FENCED_MEMBER_EPOCH']);

const newMember = ({ world }: Client): Member => ({
  ...{ id: newMemberName(world.random), epoch: 0, beats: 0, commits: 0, assignment: [] },
});

/** Sends heartbeats until the member owns the input, or gives up. */
export const join: Job = (client) => joinBy(client, client.world);
export const joinCalmly: Job = (client) => joinBy(client, calmly(client.world));

async function joinBy(client: Client, world: World): Promise<void> {
  client.member ??= newMember(client);
  for (let beats = 0; beats < mostBeats; beats++) {
    const answer = await beat(world, client.member, client.member.epoch);
    if (fenced.has(codeOf(answer) ?? '')) client.member = newMember(client);
    const reply = answer !== 'lost' && 'reply' in answer ? answer.reply : undefined;
    if (reply) Object.assign(client.member, { epoch: reply.memberEpoch, assignment: reply.assignment });
    if (ownsInput(client)) return;
    await pause(world, Math.min(reply?.heartbeatIntervalMs ?? longestPauseMs, longestPauseMs));
  }
}

export const ownsInput = ({ member }: Client): boolean =>
  member?.assignment.some(({ partitions }) => partitions.length > 0) ?? false;

/** The member has learned that it may have lost the input. */
export const forgetInput = ({ member }: Client): void => {
  if (member) member.assignment = [];
};

export const leave: Job = async (client) => {
  if (client.member) await beat(client.world, client.member, -1);
  client.member = undefined;
};

function beat(world: World, member: Member, memberEpoch: number): Promise<Answer<HeartbeatReply>> {
  const request = {
    ...{ groupId, memberId: member.id, memberEpoch, heartbeatSeq: ++member.beats },
    ...{ subscribedTopicNames: [inputs], topicPartitions: member.assignment },
    ...{ sessionTimeoutMs: sessionMs, heartbeatIntervalMs: 3_000, rebalanceTimeoutMs: 4 * sessionMs },
  };
  return ask(world, (engine) => engine.groups.heartbeat(request));
}

/** A commit of the member carries this. A client that is no member commits as a simple consumer. */
export const committerOf = ({ member }: Client) =>
  member && { memberId: member.id, memberEpoch: member.epoch, commitSeq: ++member.commits };
