// TxnOffsetCommit (28). Stages offsets of a group, which are committed with the transaction.
//
// Versions 0 to 5; from version 5 on it opens the transaction, and from version 3 on a member says which one it is. A static member that another one has replaced is fenced. Without that, anybody may commit, also beside members, as
// in Apache Kafka. Deviation: whether a member may commit is checked here, and again when the transaction commits. If it has
// lost a partition by then, the transaction is aborted.
import { defineApi } from '../api.ts';
import { code, transactionCode } from '../errors.ts';
import { codesOf, commitsOf } from '../offsets-to-commit.ts';

type Request = {
  readonly transactionalId: string;
  readonly groupId: string;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly generationId: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly topics: readonly TopicRequest[];
};

type TopicRequest = {
  readonly name: string;
  readonly partitions: readonly {
    readonly partitionIndex: number;
    readonly committedOffset: number;
    readonly committedLeaderEpoch: number;
    readonly committedMetadata: string | null;
  }[];
};

type Reply = {
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly { readonly partitionIndex: number; readonly errorCode: number }[];
  }[];
};

const firstVersionThatOpens = 5;

export const txnOffsetCommit = defineApi<Request, Reply>({
  key: 28,
  versions: [0, 5],
  overlaps: false,
  async answer({ engine }, request, { signal, version }) {
    const opens = version >= firstVersionThatOpens;
    const errorCode = await engine.producerTransactions.stageOffsets(offsetsOf(request, { signal, opens })).then(
      () => code.none,
      (error: unknown) => transactionCode(error, code.invalidProducerEpoch),
    );
    return { topics: codesOf(request.topics, () => errorCode) };
  },
});

function offsetsOf(
  { transactionalId, producerId, producerEpoch, groupId, topics, ...request }: Request,
  how: { readonly signal: AbortSignal; readonly opens: boolean },
) {
  const { memberId = '', generationId: generation = -1, groupInstanceId: instanceId = null } = request;
  const isMember = memberId !== '' || generation >= 0;
  return {
    in: { transactionalId, producerId, producerEpoch, ...how },
    groupId,
    ...(isMember && { member: { memberId, generation, ...(instanceId !== null && { instanceId }) } }),
    topics: topics.map((topic) => ({ topic: topic.name, partitions: commitsOf(topic) })),
  };
}
