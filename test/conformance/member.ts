// A member as docs/PROTOCOL.md describes it, over HTTP. It does what the replies to its heartbeats say.
import { expect } from 'vitest';
import { type Ask, freshName, type Reply } from './target.ts';

export type Fields = Readonly<Record<string, unknown>>;
type TopicPartitions = { topic: string; topicId: string; partitions: number[] };

export function memberOf(ask: Ask, group: string, subscription: Fields, fields: Fields = {}) {
  const memberId = freshName().slice(-60);
  let memberEpoch = 0;
  let heartbeatSeq = 0;
  let commitSeq = 0;
  let assignment: TopicPartitions[] = [];
  const path = `/v1/groups/${group}`;

  /** Sends one heartbeat, with other fields if given. */
  async function beat(other: Fields = {}): Promise<Reply> {
    heartbeatSeq += 1;
    const own = { memberId, memberEpoch, heartbeatSeq, topicPartitions: assignment };
    const body = { ...own, ...(memberEpoch === 0 && subscription), ...fields, ...other };
    const reply = await ask.json('POST', `${path}/heartbeat`, body);
    if (reply.status === 200) ({ memberEpoch, assignment } = reply.json);
    return reply;
  }

  /** Sends one heartbeat. It returns whether no change is in progress any more. */
  async function step(): Promise<boolean> {
    const before = JSON.stringify(assignment);
    const { status, json } = await beat();
    if (status !== 200) expect(json).toMatchObject({ retriable: true });
    return json.heartbeatIntervalMs === 5_000 && JSON.stringify(assignment) === before;
  }

  const commit = (topics: readonly unknown[], other: Fields = {}) =>
    ask.json('POST', `${path}/offsets`, { memberId, memberEpoch, commitSeq: ++commitSeq, topics, ...other });
  const owned = () => assignment.flatMap(({ topic, partitions }) => partitions.map((p) => `${topic}:${p}`)).sort();
  return {
    memberId,
    path,
    beat,
    step,
    commit,
    owned,
    epoch: () => memberEpoch,
    leave: () => beat({ memberEpoch: -1, topicPartitions: null }),
  };
}

/** A member that subscribes to this topic. */
export const memberOfTopic = (ask: Ask, group: string, topic: string, fields: Fields = {}) =>
  memberOf(ask, group, { subscribedTopicNames: [topic] }, fields);

type Member = ReturnType<typeof memberOf>;

/** Sends heartbeats of all members in turn, as their timers would, until two rounds have changed nothing. */
export async function settle(...members: readonly Member[]): Promise<void> {
  for (let round = 0, quiet = 0; round < 30; round++) {
    let isQuiet = true;
    for (const member of members) isQuiet = (await member.step()) && isQuiet;
    quiet = isQuiet ? quiet + 1 : 0;
    if (quiet === 2) return;
  }
  throw new Error('the members did not settle within 30 rounds');
}
