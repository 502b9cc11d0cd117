// This file decides what a refused sequencing update means, from the head that refused it. The order of the questions
// matters: whether the run is in the log already comes before any question that could call the run wrong.
import { RivuletError } from '../api/errors.ts';
import { type EntryProducer, isSameRun } from '../partition/entry.ts';
import { deletedFence, type Head } from '../partition/head.ts';
import { type PageAddress, pageAtOrBelow, pagesBetween } from '../partition/page.ts';
import { type Decision, decide, type Known } from '../producer/decide.ts';
import type { Attempt } from './attempt.ts';
import type { LogContext } from './context.ts';
import { newestOf, offsetOfRepeat } from './producer-history.ts';

export type Verdict =
  | {
      readonly kind: 'appended';
      readonly baseOffset: number;
      readonly logStartOffset: number;
      readonly duplicate: boolean;
    }
  | { readonly kind: 'upload again'; readonly minEpoch: number; readonly head: Head }
  | { readonly kind: 'send again'; readonly head: Head }
  /** The run's predecessor is missing. The error is the answer if it stays missing. */
  | { readonly kind: 'wait'; readonly error: RivuletError }
  | { readonly kind: 'refused'; readonly error: RivuletError };

export async function judge(context: LogContext, attempt: Attempt, head: Head): Promise<Verdict> {
  const { producer } = attempt.entry;
  const own = head.tail.find(({ entry }) => isSameRun(entry, attempt.entry));
  if (own) return appended(head, own.baseOffset, false);
  const found = producer
    ? await judgeProducer(context, attempt, head, producer)
    : await judgeAnonymous(context, attempt, head);
  const isWritten = found.offset !== undefined;
  if (isWritten) return appended(head, found.offset, true);
  if (head.fence > attempt.entry.segmentEpoch) return fenced(attempt, head);
  return verdictOf(found.decision, attempt, head);
}

type Finding = { readonly offset?: number | undefined; readonly decision: Decision };

async function judgeProducer(
  context: LogContext,
  attempt: Attempt,
  head: Head,
  producer: EntryProducer,
): Promise<Finding> {
  const { recordCount } = attempt.entry;
  const resident: Known | undefined = head.producer(producer.id);
  const atHead = resident && decide(resident, { ...producer, recordCount });
  const isNew = atHead === 'append' || atHead === 'gap';
  if (isNew) return { decision: atHead };
  const history = await context.histories.upTo(attempt.address, head);
  const offset = offsetOfRepeat(history, producer, recordCount);
  return { offset, decision: atHead ?? decide(newestOf(history, producer.id), { ...producer, recordCount }) };
}

/** Without a producer id, only our own earlier copy can be in the log already. It may have been spilled since. */
async function judgeAnonymous(context: LogContext, attempt: Attempt, head: Head): Promise<Finding> {
  const mayBeThere = attempt.doubtful;
  if (!mayBeThere) return { decision: 'append' };
  const { address, firstView } = attempt;
  const straddling = await pageAtOrBelow(context.table, address, firstView);
  const from = straddling?.firstOffset ?? 0;
  for await (const page of pagesBetween(context.table, address, from, head.tailBase)) {
    const own = page.entries.find(({ entry }) => isSameRun(entry, attempt.entry));
    if (own) return { offset: own.baseOffset, decision: 'duplicate' };
  }
  return { decision: 'append' };
}

function fenced(attempt: Attempt, head: Head): Verdict {
  const isDeleted = head.fence >= deletedFence;
  if (!isDeleted) return { kind: 'upload again', minEpoch: head.fence, head };
  return refused('UNKNOWN_TOPIC_OR_PARTITION', `topic ${attempt.address.topicId} was deleted`);
}

function verdictOf(decision: Decision, attempt: Attempt, head: Head): Verdict {
  const { producer } = attempt.entry;
  const who = `producer ${producer?.id} epoch ${producer?.epoch} sequence ${producer?.firstSequence}`;
  const where = `partition ${attempt.address.partition}`;
  if (decision === 'fenced')
    return refused('INVALID_PRODUCER_EPOCH', `${who} is older than the newest epoch in ${where}`);
  if (decision === 'duplicate') return longAgo(who, where);
  const { expectedOffset } = attempt;
  const isElsewhere = expectedOffset !== undefined && expectedOffset !== head.next;
  if (isElsewhere) return { kind: 'refused', error: unexpectedOffset(attempt.address, head, expectedOffset) };
  if (decision === 'append') return { kind: 'send again', head };
  const code = decision === 'gap' ? 'OUT_OF_ORDER_SEQUENCE_NUMBER' : 'UNKNOWN_PRODUCER_ID';
  return { kind: 'wait', error: new RivuletError(code, `${who} has no predecessor in ${where}`) };
}

function longAgo(who: string, where: string): Verdict {
  const detail = `${who} was written to ${where} before its newest five batches; its offset is no longer at hand`;
  return { kind: 'refused', error: new RivuletError('DUPLICATE_SEQUENCE_NUMBER', detail, { outcome: 'written' }) };
}

/** The log's end is past the expected offset, or has not reached it and nothing was sent. So the run can never land. */
export function unexpectedOffset({ partition }: PageAddress, head: Head, expected: number): RivuletError {
  const detail = `the next offset of partition ${partition} is ${head.next}, not ${expected}`;
  return new RivuletError('UNEXPECTED_OFFSET', detail, { outcome: 'not-written', extra: { nextOffset: head.next } });
}

function appended(head: Head, baseOffset: number, duplicate: boolean): Verdict {
  return { kind: 'appended', baseOffset, logStartOffset: head.logStart, duplicate };
}

function refused(code: ConstructorParameters<typeof RivuletError>[0], detail: string): Verdict {
  return { kind: 'refused', error: new RivuletError(code, detail) };
}
