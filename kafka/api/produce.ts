// Produce (0). Batches of records go into the log, or are staged for a transaction.
//
// Versions 0 to 11. Versions 0 to 2 are offered, because librdkafka before 2.11 sends compressed batches only to a broker
// that offers them, and are answered with UNSUPPORTED_VERSION, as Apache Kafka does. From version 12 on a batch of a transaction
// opens it (version 2 of the transaction protocol). Version 13 names topics by their ids.
// Deviations: a batch of a transaction has no offset before the commit, so the reply has none. acks=1 waits as acks=all does, because a record is in the log or it is not. The time-out of a request is not
// looked at.
import type { Engine } from '../../lib/api/engine.ts';
import { type ErrorCode, RivuletError } from '../../lib/api/errors.ts';
import { limits } from '../../lib/api/limits.ts';
import type { AppendAck, PartitionAppend, PartitionError } from '../../lib/api/records.ts';
import { invalid } from '../../lib/api/refusal.ts';
import type { StagedPartition } from '../../lib/api/transactions.ts';
import { readBatchHeader } from '../../lib/record/batch-header.ts';
import { CorruptBatchError } from '../../lib/record/corrupt-batch-error.ts';
import { type Call, defineApi, type Gateway } from '../api.ts';
import { code, type Failure, messageOf, stageCode } from '../errors.ts';
import type { Chains, End, Link } from '../produce/chain.ts';
import { clearProducerFields, stagedOffset } from '../quirks.ts';

type Request = {
  readonly transactionalId: string | null;
  readonly acks: number;
  readonly topicData: readonly TopicData[];
};

type TopicData = { readonly name: string; readonly partitionData: readonly PartitionData[] };
type PartitionData = { readonly index: number; readonly records: Uint8Array | null };

type Reply = {
  readonly responses: readonly { readonly name: string; readonly partitionResponses: readonly PartitionReply[] }[];
};

type PartitionReply = {
  readonly index: number;
  readonly errorCode: number;
  readonly baseOffset: number;
  readonly logAppendTimeMs?: number;
  readonly logStartOffset?: number;
  readonly recordErrors?: readonly { readonly batchIndex: number; readonly batchIndexErrorMessage: string }[];
  readonly errorMessage?: string;
};

const firstServedVersion = 3;
const firstVersionWithZstd = 7;
const firstVersionThatOpens = 12;
const allReplicas = -1;

export const produce = defineApi<Request, Reply>({
  key: 0,
  versions: [0, 12],
  overlaps: true,
  async answer(gateway, request, call) {
    const refusal = refusalOf(request, call);
    const { transactionalId } = request;
    const opens = call.version >= firstVersionThatOpens;
    const target = { transactionalId, opens, naming: { left: limits.namedRecords } };
    const responses = await Promise.all(
      request.topicData.map(async (topic) => ({
        name: topic.name,
        partitionResponses: refusal
          ? topic.partitionData.map(({ index }) => failed(index, refusal))
          : await appendTopic(gateway, { ...target, topic: topic.name }, topic, call),
      })),
    );
    if (request.acks !== 0) return { responses };
    const failure = responses
      .flatMap(({ partitionResponses }) => partitionResponses)
      .find(({ errorCode }) => errorCode);
    // The client expects no reply: a closed connection is all that it can notice.
    if (failure) throw invalid(`a produce request with acks=0 failed: ${failure.errorMessage}`);
    return undefined;
  },
});

function refusalOf({ acks, topicData }: Request, { version }: Call): Failure | undefined {
  if (version < firstServedVersion)
    return { errorCode: code.unsupportedVersion, errorMessage: `version: expected 3 or later, got ${version}` };
  if (acks !== 0 && acks !== 1 && acks !== allReplicas)
    return { errorCode: code.invalidRequiredAcks, errorMessage: `acks: expected 0, 1 or -1, got ${acks}` };
  if (new Set(topicData.map(({ name }) => name)).size < topicData.length)
    return { errorCode: code.invalidRequest, errorMessage: 'topics: expected each topic once, got one again' };
  return undefined;
}

/** A part of a request that may be tried. */
type Part = PartitionAppend & { readonly producerId: number; readonly chain: string; readonly link?: Link };

type Target = {
  readonly topic: string;
  readonly transactionalId: string | null;
  /** A batch opens the transaction. */
  readonly opens: boolean;
  /** All topics of a request share this, so that a small request has no huge reply. */
  readonly naming: { left: number };
};

async function appendTopic(gateway: Gateway, target: Target, topic: TopicData, call: Call): Promise<PartitionReply[]> {
  const parts = topic.partitionData.map((data) => partOf(topic.name, data, call));
  const sound = parts.filter((part) => 'chain' in part);
  const results = sound.length > 0 ? await appendInTurn(gateway, target, sound) : [];
  return parts.map((part) => ('chain' in part ? replyOf(results.shift()!, target, call) : part));
}

/** One batch, of the one format that the log has. The engine checks the rest. */
function partOf(
  topic: string,
  { index, records }: PartitionData,
  { version, connection }: Call,
): Part | PartitionReply {
  const refused = (errorCode: number, errorMessage: string) => failed(index, { errorCode, errorMessage });
  if (records === null || records.length === 0)
    return refused(code.invalidRecord, 'records: expected a batch, got none');
  try {
    const header = readBatchHeader(records);
    const { sizeBytes, compression, producerId, producerEpoch: epoch, baseSequence: firstSequence } = header;
    if (sizeBytes !== records.length) return refused(code.invalidRecord, 'records: expected one batch, got more');
    if (compression === 'zstd' && version < firstVersionWithZstd)
      return refused(code.unsupportedCompressionType, `zstd: expected version 7 or later of Produce, got ${version}`);
    clearProducerFields(records, header);
    if (producerId < 0)
      return { partition: index, producerId, batches: records, chain: `connection ${connection} ${topic} ${index}` };
    const chain = `producer ${producerId} ${topic} ${index}`;
    return { partition: index, producerId, batches: records, chain, link: { epoch, firstSequence } };
  } catch (error) {
    if (!(error instanceof CorruptBatchError)) throw error;
    return refused(codeOfDamage[error.reason] ?? code.invalidRecord, error.message);
  }
}

const codeOfDamage: { readonly [reason in CorruptBatchError['reason']]?: number } = {
  length: code.corruptMessage,
  codec: code.unsupportedCompressionType,
};

function appendInTurn({ engine, chains }: Gateway, target: Target, parts: readonly Part[]): Promise<Result[]> {
  const names = parts.map(({ chain }) => chain);
  return chains.run(names, async (before) => {
    const inTurn = parts.map((part) => ({ ...part, after: turnOf(chains, part, before) }));
    const results = await resultsOf(engine, target, inTurn);
    await before;
    return inTurn.map((part) => noted(chains, part, results.get(part)!));
  });
}

/** Rejects if a batch before this one was not written. */
function turnOf(chains: Chains, part: Part, before: Promise<void>): Promise<void> {
  const { chain, link } = part;
  const turn = before.then(() => {
    if (link && chains.breakBefore(chain, link) === 'not written') throw untried(part);
  });
  turn.catch(() => undefined);
  return turn;
}

/** The engine misses a batch that is in doubt, if it is not in the log. That is no gap of the producer's. */
function noted(chains: Chains, part: Part, result: Result): Result {
  const { chain, link, partition } = part;
  if (!link) return result;
  const isGap = 'error' in result && gaps.includes(result.error.errorCode);
  if (isGap && chains.breakBefore(chain, link)) {
    chains.missed(chain);
    return { partition, error: untried(part) };
  }
  chains.note(chain, link, endOf(result));
  return result;
}

type Result = AppendAck | StagedPartition | PartitionError;

async function resultsOf(engine: Engine, target: Target, parts: readonly Part[]): Promise<ReadonlyMap<Part, Result>> {
  const results = new Map<Part, Result>();
  for (let from = 0; from < parts.length; from += limits.appendPartitions) {
    const some = await appendSome(engine, target, parts.slice(from, from + limits.appendPartitions));
    for (const [part, result] of some) results.set(part, result);
  }
  return results;
}

/** An error of the whole append is one of each partition. */
async function appendSome(engine: Engine, target: Target, parts: readonly Part[]): Promise<ReadonlyMap<Part, Result>> {
  try {
    const { partitions } = await sendTo(engine, target, parts);
    return new Map(parts.map((part, i) => [part, partitions[i]!]));
  } catch (error) {
    if (!(error instanceof RivuletError)) throw error;
    return new Map(parts.map((part) => [part, { partition: part.partition, error }]));
  }
}

/** All batches of a request are of one producer. The engine refuses one that is not. */
function sendTo(engine: Engine, { topic, transactionalId, opens }: Target, partitions: readonly Part[]) {
  if (transactionalId === null) return engine.append({ topic, partitions });
  const [{ producerId, link } = { producerId: -1 }] = partitions;
  const ref = { transactionalId, producerId, producerEpoch: link?.epoch ?? -1, opens };
  return engine.producerTransactions.stage({ in: ref, topic, partitions });
}

const untried = ({ partition }: Part) =>
  new RivuletError('STORAGE_UNAVAILABLE', `the batch before this one was not written to partition ${partition}`, {
    outcome: 'not-written',
  });

const gaps: readonly ErrorCode[] = ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID'];
/** The engine has compared the batch with the producer's history: no earlier batch that failed here is the reason. */
const sequenceErrors: readonly ErrorCode[] = [...gaps, 'DUPLICATE_SEQUENCE_NUMBER', 'INVALID_PRODUCER_EPOCH'];
/** The transaction takes no batch any more. */
const endErrors: readonly ErrorCode[] = ['PRODUCER_FENCED', 'INVALID_TXN_STATE', 'TRANSACTIONAL_ID_NOT_FOUND'];
const finalErrors = [...sequenceErrors, ...endErrors];

function endOf(result: Result): End {
  if (!('error' in result) || finalErrors.includes(result.error.errorCode)) return 'written';
  if (result.error.outcome === 'written') return 'written';
  return result.error.outcome === 'unknown' ? 'in doubt' : 'not written';
}

function replyOf(result: Result, { naming }: Target, { client }: Call): PartitionReply {
  const { partition: index } = result;
  if ('error' in result) return refusedBy(index, result.error, naming);
  if (!('baseOffset' in result)) return { index, errorCode: code.none, baseOffset: stagedOffset(client.softwareName) };
  const { baseOffset, logAppendTimeMs, logStartOffset } = result;
  return { index, errorCode: code.none, baseOffset, logAppendTimeMs, logStartOffset };
}

/** Names the bad records: a client may send the others again. */
function refusedBy(index: number, error: RivuletError, naming: { left: number }): PartitionReply {
  const named = error.records.slice(0, naming.left);
  naming.left -= named.length;
  return {
    ...failed(index, { errorCode: stageCode(error), errorMessage: messageOf(error) }),
    recordErrors: named.map(({ index: batchIndex, reason }) => ({ batchIndex, batchIndexErrorMessage: reason })),
  };
}

const failed = (index: number, failure: Failure): PartitionReply => ({ index, baseOffset: -1, ...failure });
