// This file reads the answer to a produce request as one result per partition. Invariant: it never guesses. A partition
// that the answer leaves out, or mentions in a form that makes no sense, has an unknown outcome.
import { errorOfProblem, RivuletClientError, withOutcome } from '../client-error.ts';
import { type Answer, errorOfAnswer, retryAfterOf } from '../transport/connection.ts';

export type ProduceAck = {
  /** -1 in a transaction: its records get their offsets when it is committed. */
  readonly baseOffset: number;
  readonly lastOffset: number;
  /** -1 unless the topic is set to LogAppendTime. */
  readonly logAppendTime: number;
};

export type ProduceResult = ProduceAck | RivuletClientError;

/** @returns a function that gives the result of a partition. Call it only for partitions of the request. */
export function produceResults(answer: Answer): (partition: number) => ProduceResult {
  const listed = listOf(answer);
  if (listed === undefined) {
    const error = answer.status >= 300 ? errorOfAnswer(answer, true) : unclear(answer, 'has no list of partitions');
    return () => error;
  }
  const byPartition = new Map(listed.map((entry) => [entry.partition, entry]));
  return (partition) => resultOf(answer, byPartition.get(partition));
}

type Entry = Readonly<Record<string, unknown>>;

function listOf(answer: Answer): Entry[] | undefined {
  try {
    const body = JSON.parse(answer.body.toString('utf8')) as { partitions?: unknown };
    if (!Array.isArray(body.partitions)) return undefined;
    return body.partitions.filter((entry): entry is Entry => typeof entry === 'object' && entry !== null);
  } catch {
    return undefined;
  }
}

function resultOf(answer: Answer, entry: Entry | undefined): ProduceResult {
  if (entry === undefined) return unclear(answer, 'leaves this partition out');
  const error = errorOfProblem(entry.error, { status: answer.status, retryAfterMs: retryAfterOf(answer) });
  if (error) return withOutcome(error);
  if (isOffset(entry.staged)) return { baseOffset: -1, lastOffset: -1, logAppendTime: -1 };
  const { baseOffset, lastOffset, logAppendTime } = entry;
  if (!isOffset(baseOffset) || !isOffset(lastOffset)) return unclear(answer, 'has no offsets for this partition');
  return { baseOffset, lastOffset, logAppendTime: typeof logAppendTime === 'number' ? logAppendTime : -1 };
}

function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function unclear(answer: Answer, what: string): RivuletClientError {
  return new RivuletClientError('GATEWAY_ERROR', `the answer (HTTP ${answer.status}) ${what}`, {
    status: answer.status,
    retriable: true,
    outcome: 'unknown',
  });
}
