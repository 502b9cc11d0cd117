// This file reads answers that list topics with a result for each partition: what was committed, deleted, reset or looked
// up. An answer that failed for every partition has an error's status and the same body.
import { errorOfParts, errorOfProblem, isClientError, RivuletClientError, withOutcome } from '../client-error.ts';
import { type Answer, errorOfAnswer } from './connection.ts';

export type PartitionOutcome<Result> = {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  readonly result: Result | RivuletClientError;
};

type Entry = { readonly partition: number; readonly error?: unknown };
type Listed = { readonly topic: string; readonly topicId?: string; readonly partitions: readonly Entry[] };

/** The results in the order of the answer. Throws RivuletClientError when the request failed as a whole. */
export const topicResults = <Result extends { partition: number }>(answer: Answer, writes: boolean) =>
  resultsPage<Result>(answer, writes).outcomes;

/** Reads all pages of a lookup. */
export async function everyPage<Result extends { partition: number }>(
  ask: (after: string | undefined) => Promise<Answer>,
): Promise<PartitionOutcome<Result>[]> {
  const all: PartitionOutcome<Result>[][] = [];
  for (let after: string | undefined; ; ) {
    const page = resultsPage<Result>(await ask(after), false);
    all.push(page.outcomes);
    if (page.nextAfter === undefined) return all.flat();
    after = page.nextAfter;
  }
}

function resultsPage<Result extends { partition: number }>(
  answer: Answer,
  writes: boolean,
): { outcomes: PartitionOutcome<Result>[]; nextAfter: string | undefined } {
  const { topics, nextAfter } = bodyOf(answer);
  if (!Array.isArray(topics)) throw noResults(answer, writes);
  const outcomes = (topics as readonly Listed[]).flatMap((listed) => outcomesOf<Result>(listed, answer, writes));
  return { outcomes, nextAfter: typeof nextAfter === 'string' ? nextAfter : undefined };
}

/** Reads the answer to a write to one topic, which lists only its partitions. */
export function partitionResults<Result extends { partition: number }>(
  answer: Answer,
  topic: string,
): PartitionOutcome<Result>[] {
  const { partitions, topicId } = bodyOf(answer);
  if (!Array.isArray(partitions)) throw noResults(answer, true);
  const listed = { topic, partitions: partitions as readonly Entry[], topicId: String(topicId) };
  return outcomesOf<Result>(listed, answer, true);
}

function outcomesOf<Result extends { partition: number }>(
  { topic, topicId = '', partitions }: Listed,
  { status }: Answer,
  writes: boolean,
): PartitionOutcome<Result>[] {
  return partitions.map((entry) => {
    const { partition } = entry;
    const error = errorOfProblem(entry.error, { status, topic, partition });
    const result = error === undefined ? (entry as unknown as Result) : writes ? withOutcome(error) : error;
    return { topic, topicId, partition, result };
  });
}

const noResults = (answer: Answer, writes: boolean): RivuletClientError =>
  answer.status >= 300 ? errorOfAnswer(answer, writes) : unclear(answer, writes);

/** Requires that every partition has a result. Otherwise it throws the first error, with all results. */
export function allDone<Result extends object>(outcomes: readonly PartitionOutcome<Result>[]) {
  if (outcomes.some(({ result }) => isClientError(result))) throw errorOfParts(outcomes.map(partOf));
  return outcomes as readonly (Omit<PartitionOutcome<Result>, 'result'> & { readonly result: Result })[];
}

function partOf<Result extends object>({ topic, partition, result }: PartitionOutcome<Result>) {
  return isClientError(result) ? result : { topic, partition, ...result };
}

type Body = { topics?: unknown; nextAfter?: unknown; partitions?: unknown; topicId?: unknown };

function bodyOf({ body }: Answer): Body {
  try {
    return JSON.parse(body.toString('utf8')) ?? {};
  } catch {
    return {};
  }
}

function unclear({ status }: Answer, writes: boolean): RivuletClientError {
  return new RivuletClientError('GATEWAY_ERROR', `the answer (HTTP ${status}) has no list of results`, {
    status,
    retriable: true,
    outcome: writes ? 'unknown' : undefined,
  });
}
