// Records that are given up go to the dead letters first, and are committed then. If their destination refuses them, the partition
// waits: nothing is lost because it could not be written down.
//
// The range is noted before it is given up. So a repeat after a crash writes the very same letters, as the same producer.
import { limits } from '../../api/limits.ts';
import type { DeadLetter, PushRecord } from '../../api/push.ts';
import { endOfFirstBatch, type Note } from '../../group/items/failure-note.ts';
import { atEnd, commit, observe, type Plan, type Run, type Step } from './commit.ts';
import { appendLetters } from './dead-letters.ts';
import { isExhausted, waitWith } from './failure.ts';
import { readBytes } from './read-range.ts';

const refusedWaitMs = 60_000;

/** None of its records can be delivered, however often it is tried. The next step gives up what is noted here. */
export async function noteHopeless({ context, hold }: Run, { note: before, endOffset, hopeless }: Plan): Promise<Step> {
  const nowMs = context.clock.now();
  const outerEnd = Math.max(before?.outerEnd ?? 0, before?.endOffset ?? 0);
  const note: Note = {
    endOffset,
    attempts: before?.attempts ?? 0,
    firstFailureMs: before?.firstFailureMs ?? nowMs,
    nextTryMs: nowMs,
    error: hopeless!.error,
    givenUp: hopeless!.bytesOnly ? 'bytes' : 'records',
    ...(outerEnd > endOffset && { outerEnd }),
  };
  await hold.write({ note });
  return 'go on';
}

/** The last attempt has failed, and its records could be read. */
export async function giveUpRecords(run: Run, plan: Plan & { readonly note: Note }): Promise<Step> {
  const base = letterBase(run, plan.note);
  const { bytesOf } = run.context.targets;
  const fits = (record: PushRecord) => bytesOf(record) <= limits.pushEventBytes;
  const letters = plan.records.map((record) => ({
    ...{ ...base, offset: record.offset },
    ...(fits(record) && { record }),
  }));
  return sendAndCommit(run, plan, letters);
}

/** Perhaps reading the records is what ends each run, so their bytes are not looked into. */
export const mayNotBeRead = (run: Run, note: Note): boolean =>
  note.givenUp === 'bytes' || (note.isFatal === true && isExhausted(run, note));

export async function giveUpBytes(run: Run, note: Note): Promise<Step> {
  const { context, hold } = run;
  const { from, highWatermark, batches } = await readBytes(context, hold.invocation, hold.offset);
  const [first] = batches;
  if (!first) return atEnd(run, { from, highWatermark });
  // Only what was fetched can be given up in this step.
  const wanted = note.endOffset === endOfFirstBatch ? first.endOffset : Math.max(note.endOffset, from);
  const endOffset = Math.min(wanted, batches.at(-1)!.endOffset);
  const base = letterBase(run, note);
  const letters = batches
    .filter(({ offset }) => offset < endOffset)
    .map(({ offset, bytes }) => ({ ...base, offset, raw: bytes }));
  return sendAndCommit(run, { from, endOffset, highWatermark, note }, letters);
}

function letterBase({ hold }: Run, { attempts, error }: Note) {
  const { groupId, topic, topicId, partition } = hold.invocation;
  return { groupId, topic, topicId, partition, attempts, error };
}

async function sendAndCommit(
  run: Run,
  plan: Pick<Plan, 'from' | 'endOffset' | 'highWatermark'> & { readonly note: Note },
  letters: readonly DeadLetter[],
): Promise<Step> {
  const { note } = plan;
  try {
    await send(run, letters);
  } catch (error) {
    const text = `the dead letters were refused: ${(error as Error).message}`;
    observe(run, 'destination refused', letters.length, text);
    return waitWith(run, note, refusedWaitMs);
  }
  observe(run, 'given up', letters.length, note.error);
  return commit(run, plan, plan.endOffset);
}

/** Without a destination the records are only committed, as Lambda does it. */
async function send({ context, hold, subscription }: Run, letters: readonly DeadLetter[]): Promise<void> {
  const { onFailure } = subscription.settings;
  if (!onFailure || letters.length === 0) return;
  if ('queue' in onFailure) return context.targets.sendToQueue(onFailure.queue, letters);
  await appendLetters(context, onFailure.topic, letters, [subscription.id, hold.epoch, hold.offset]);
}
