// The meaning of a target's answer to a batch. The shape is that of Lambda's partial answers for Kafka:
//
//   {"batchItemFailures": [{"itemIdentifier": {"partition": "orders-0", "offset": 42}}]}
//
// Invariant: a record counts as delivered only if the answer says so beyond doubt. An answer of any other shape, or one that
// names a record outside the batch, fails the whole batch.
import { limits } from '../../api/limits.ts';
import type { PushAnswer, PushBatch } from '../../api/push.ts';
import { isWithinLimits } from '../../json/text.ts';
import { partitionName } from './event.ts';

/**
 * @param body The answer as it came. Nothing, `null`, `{}` and an empty list of failures all mean success.
 *
 *     answerOf('{"batchItemFailures":[]}', batch) // { kind: 'success' }
 */
export function answerOf(body: string, batch: PushBatch): PushAnswer {
  if (body.trim() === '') return success;
  const answer = parsed(body);
  if (answer === null) return success;
  if (typeof answer !== 'object' || Array.isArray(answer)) return failed('answer: expected an object or null in JSON');
  // Only an own member counts, because the text may have one that is named __proto__.
  const failures = Object.hasOwn(answer, 'batchItemFailures') ? (answer as Failures).batchItemFailures : null;
  return failures === null ? success : answerOfFailures(failures, batch);
}

type Failures = { readonly batchItemFailures: unknown };

const success: PushAnswer = { kind: 'success' };
const failed = (error: string): PushAnswer => ({ kind: 'failed', error });

function parsed(body: string): unknown {
  if (Buffer.byteLength(body) > limits.pushAnswerBytes || !isWithinLimits(body)) return undefined;
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function answerOfFailures(failures: unknown, batch: PushBatch): PushAnswer {
  if (!Array.isArray(failures)) return failed('batchItemFailures: expected a list');
  const name = partitionName(batch);
  const offsets = new Set(batch.records.map(({ offset }) => offset));
  let failedOffset = Number.POSITIVE_INFINITY;
  for (const [at, failure] of failures.entries()) {
    const id = identifierOf(failure);
    const field = `batchItemFailures[${at}].itemIdentifier`;
    if (id === undefined) return failed(`${field}: expected an object with partition and offset`);
    if (id.partition !== name || !offsets.has(id.offset))
      return failed(`${field}: expected a record of this batch of ${name}`);
    failedOffset = Math.min(failedOffset, id.offset);
  }
  const error = `the target answered that the record at offset ${failedOffset} failed`;
  return failures.length === 0 ? success : { kind: 'partial', failedOffset, error };
}

function identifierOf(failure: unknown): { partition: string; offset: number } | undefined {
  const { itemIdentifier: id } = (failure ?? {}) as { itemIdentifier?: unknown };
  const { partition, offset } = (id ?? {}) as { partition?: unknown; offset?: unknown };
  return typeof partition === 'string' && typeof offset === 'number' ? { partition, offset } : undefined;
}
