// CreatePartitions (37). Adds partitions to topics, or only says whether that would succeed.
//
// Versions 0 to 3. Every topic of the request has an answer. New partitions may be assigned by hand only to the one node that
// exists.
import { RivuletError } from '../../lib/api/errors.ts';
import { limits } from '../../lib/api/limits.ts';
import { inParallel } from '../../lib/runtime/concurrency.ts';
import { defineApi, type Gateway } from '../api.ts';
import { type Cluster, isReplicaList, listOfNodes } from '../cluster.ts';
import { changeCode, code, type Failure, messageOf } from '../errors.ts';

type Request = { readonly topics: readonly TopicRequest[]; readonly validateOnly: boolean };

type TopicRequest = {
  readonly name: string;
  readonly count: number;
  readonly assignments: readonly { readonly brokerIds: readonly number[] }[] | null;
};

type Reply = { readonly results: readonly TopicReply[] };
type TopicReply = { readonly name: string; readonly errorCode: number; readonly errorMessage: string | null };

const topicsAtOnce = 8;

export const createPartitions = defineApi<Request, Reply>({
  key: 37,
  versions: [0, 3],
  overlaps: false,
  async answer(gateway, { topics, validateOnly }) {
    return { results: await inParallel(topics, topicsAtOnce, (topic) => grow(gateway, topic, validateOnly)) };
  },
});

async function grow({ engine, cluster }: Gateway, topic: TopicRequest, validateOnly: boolean): Promise<TopicReply> {
  const { name, count } = topic;
  try {
    const { partitions } = await engine.describeTopic(name);
    const refusal = refusalOf(cluster, topic, partitions);
    if (refusal) return { name, ...refusal };
    if (!validateOnly) await engine.alterTopic({ topic: name, partitions: count });
    return { name, errorCode: code.none, errorMessage: null };
  } catch (error) {
    if (!(error instanceof RivuletError)) throw error;
    return { name, errorCode: changeCode(error), errorMessage: messageOf(error) };
  }
}

function refusalOf(cluster: Cluster, { count, assignments }: TopicRequest, today: number): Failure | undefined {
  if (count <= today || count > limits.partitions) {
    const errorMessage = `partitions: expected more than today's ${today}, and at most ${limits.partitions}, got ${count}`;
    return { errorCode: code.invalidPartitions, errorMessage };
  }
  const isOurs = ({ brokerIds }: { brokerIds: readonly number[] }) => isReplicaList(cluster, brokerIds);
  if (assignments === null || (assignments.length === count - today && assignments.every(isOurs))) return undefined;
  const errorMessage = `assignments: expected one for each new partition, on one of the nodes ${listOfNodes(cluster)}`;
  return { errorCode: code.invalidReplicaAssignment, errorMessage };
}
