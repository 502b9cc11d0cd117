// Sends heartbeats as fast as they are answered, and for comparison requests that do nothing.

import { groupApi } from '../../client/group/group-api.ts';
import { byTopic } from '../../client/group/membership.ts';
import { Rivulet } from '../../client/rivulet.ts';
import { type Connection, openConnection } from '../../client/transport/connection.ts';
import type { HeartbeatReply } from '../../lib/api/groups.ts';
import { systemClock } from '../../lib/runtime/clock.ts';

const members = 32;
const topic = 'beats';

export type Rates = { readonly heartbeats: number; readonly healths: number };

/** Measures both rates in each round, one after the other. */
export async function beatsPerSecond(url: string, rounds: number, forMs: number): Promise<Rates[]> {
  await new Rivulet({ url }).admin().createTopics({ topics: [{ topic, partitions: members * 2 }] });
  const credentials = () => Promise.resolve({ accessKeyId: 'local', secretAccessKey: 'local' });
  const connection = openConnection({
    ...{ url: new URL(url), region: 'us-east-1', clientId: 'bench', requestTimeoutMs: 30_000 },
    ...{ credentials, clock: systemClock },
  });
  const all = Array.from({ length: members }, (_, i) => heartbeater(connection, `member-${i}`));
  // After ten heartbeats each member has its share, and no partition moves any more.
  for (let round = 0; round < 10; round++) for (const beat of all) await beat();
  const health = () => connection.ask({ method: 'GET', path: '/v1/health', writes: false });
  const idle = all.map(() => health);
  const rates: Rates[] = [];
  for (let round = 0; round < rounds; round++)
    rates.push({ heartbeats: await rate(all, forMs), healths: await rate(idle, forMs) });
  return rates;
}

/** A member that immediately owns every partition that it is assigned. */
function heartbeater(connection: Connection, memberId: string): () => Promise<void> {
  const api = groupApi(connection, 'beats');
  let heartbeatSeq = 0;
  let last: Pick<HeartbeatReply, 'memberEpoch' | 'assignment'> = { memberEpoch: 0, assignment: [] };
  return async () => {
    const { memberEpoch, assignment } = last;
    const owned = assignment.flatMap(({ partitions, ...of }) => partitions.map((partition) => ({ ...of, partition })));
    const body = { memberId, memberEpoch, heartbeatSeq: ++heartbeatSeq, subscribedTopicNames: [topic] };
    last = await api.heartbeat({ ...body, topicPartitions: byTopic(owned) }, 30_000, new AbortController().signal);
  };
}

async function rate(clients: readonly (() => Promise<unknown>)[], forMs: number): Promise<number> {
  const startedMs = performance.now();
  let answered = 0;
  await Promise.all(
    clients.map(async (ask) => {
      while (performance.now() - startedMs < forMs) {
        await ask();
        answered++;
      }
    }),
  );
  return (answered * 1000) / (performance.now() - startedMs);
}
