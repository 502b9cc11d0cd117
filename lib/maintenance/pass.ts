// A pass that somebody asked for: it tends every partition of a topic, or of all topics, and then sweeps if all were
// meant. It may take longer than a process lives, so it saves where it stands and lets another process go on.
import { RivuletError } from '../api/errors.ts';
import type { TopicSummary } from '../api/topics.ts';
import { withReceipt } from '../storage/count.ts';
import { topicKey } from '../storage/keys.ts';
import { createTopics, type Topic, type Topics } from '../topic/topics.ts';
import { allTopics } from './all-topics.ts';
import { type Cursor, claimPass, type Progress, type Run, type StoredPass, saveProgress } from './pass-item.ts';
import { addNote, addRequests, newReport, type Report } from './report.ts';
import { type SweepTools, sweepAll } from './sweep-all.ts';
import { type TendEnd, tend } from './tend.ts';
import { begunOf, tendingOf } from './tools.ts';

/** `more`: another process must go on. `sweep`: one that may delete objects must. `lost`: the pass belongs to another run. */
export type PassEnd = 'done' | 'more' | 'sweep' | 'lost';

export type PassRef = { readonly topicId?: string; readonly passId: string };

/** `maySweep`: this process may list and delete objects. */
export type PassTools = SweepTools & { readonly maySweep: boolean };

const saveEveryMs = 2_000;
const aliveEveryMs = 60_000;
/** So many partitions that fail one after the other mean that the storage is at fault. */
const mostFailuresInARow = 8;

type Work = {
  readonly tools: PassTools;
  readonly topics: Topics;
  readonly pass: StoredPass;
  readonly run: Run;
  readonly report: Report;
  readonly begunMs: number;
  done: number;
  all: number;
  savedMs: number;
  failures: number;
  /** A save that nobody has waited for yet. */
  saving?: Promise<void>;
};

class Lost extends Error {}

export async function runPass(tools: PassTools, { topicId, passId }: PassRef): Promise<PassEnd> {
  const claimed = await claimPass(tools, topicId, passId);
  if (!claimed) return 'lost';
  const { pass, run } = claimed;
  const work: Work = {
    ...{ tools, pass, run, topics: createTopics(tools.table, tools.clock) },
    report: { ...newReport(), ...pass.soFar },
    begunMs: await begunOf(tools, pass.dryRun),
    done: pass.donePartitions,
    all: pass.partitions,
    savedMs: tools.clock.monotonic(),
    failures: 0,
  };
  try {
    return await goOn(work);
  } catch (error) {
    if (error instanceof Lost) return 'lost';
    await save(work, { state: 'failed', reason: reasonOf(error) }).catch(() => undefined);
    throw error;
  }
}

async function goOn(work: Work): Promise<PassEnd> {
  const { pass, tools } = work;
  const before = stateOf(work);
  const stoppedAt = pass.cursor?.isSweep ? undefined : await tendAll(work);
  if (stoppedAt && stateOf(work) === before) throw new Error('a whole run of the pass made no progress');
  if (stoppedAt) return handOver(work, stoppedAt, 'more');
  if (work.run.topicId === undefined) {
    const mustHandOver = !tools.maySweep;
    if (mustHandOver) return handOver(work, { topic: '', partition: 0, isSweep: true }, 'sweep');
    await measured(work, () => sweepAll(tools, pass.dryRun, work.report));
  }
  await save(work, { state: 'done' });
  return 'done';
}

/** Each run must get on. Otherwise runs would follow each other for ever. */
const stateOf = ({ done, report }: Work): string => JSON.stringify([done, report.counts]);

async function handOver(work: Work, cursor: Cursor, end: PassEnd): Promise<PassEnd> {
  await save(work, { state: 'requested', cursor });
  return end;
}

/** Returns where it stopped because the time was up. */
async function tendAll(work: Work): Promise<Cursor | undefined> {
  const { topicId: only } = work.run;
  const named = (await allTopics(work.topics)).filter(({ topicId }) => only === undefined || topicId === only);
  work.all = named.reduce((sum, { partitions }) => sum + partitions, 0);
  const from = work.pass.cursor;
  for (const ref of named) {
    const isDone = from !== undefined && topicKey(ref.topic).sk < topicKey(from.topic).sk;
    const topic = isDone ? undefined : await unlessGone(toTend(work, ref));
    if (!topic) continue;
    const stoppedAt = await tendTopic(work, topic, from?.topic === topic.topic ? from.partition : 0);
    if (stoppedAt !== undefined) return { topic: topic.topic, partition: stoppedAt };
  }
  return undefined;
}

/** A topic that is confirmed here loses what has expired in this pass already. */
async function toTend({ topics, pass }: Work, ref: TopicSummary): Promise<Topic> {
  const confirms = pass.confirmRetention && !pass.dryRun;
  if (confirms) await topics.confirmRetention(ref.topic);
  return topics.resolve(ref);
}

/** A topic that is deleted meanwhile needs no care. */
async function unlessGone(resolving: Promise<Topic>): Promise<Topic | undefined> {
  try {
    return await resolving;
  } catch (error) {
    const isGone =
      error instanceof RivuletError && /^(UNKNOWN_TOPIC_OR_PARTITION|INCONSISTENT_TOPIC_ID)$/.test(error.errorCode);
    if (!isGone) throw error;
    return undefined;
  }
}

/** Returns the partition at which the time was up. */
async function tendTopic(work: Work, topic: Topic, from: number): Promise<number | undefined> {
  const { tools, pass, begunMs } = work;
  for (let partition = from; partition < topic.partitions; partition++) {
    if (tools.isOver()) return partition;
    const tending = tendingOf({ ...tools, isOver: () => isOver(work) }, topic, work.report, {
      ...{ owner: work.run.runId, isAskedFor: true, isDryRun: pass.dryRun, isFull: pass.full, begunMs },
    });
    const end = await attempt(work, `${topic.topic}/${partition}`, () => tend(tending, topic, partition));
    if (end === 'cut') return partition;
    work.done += 1;
    work.report.partitions += 1;
    await saveNowAndThen(work);
  }
  return undefined;
}

/** The steps ask this often. So a long step, too, shows that the pass is alive. */
function isOver(work: Work): boolean {
  const isLate = work.tools.clock.monotonic() - work.savedMs > aliveEveryMs;
  if (isLate) work.saving = saveNowAndThen(work).catch(() => undefined);
  return work.tools.isOver();
}

/** A partition that fails must not keep the others from being looked after. */
async function attempt(work: Work, name: string, tending: () => Promise<TendEnd>): Promise<TendEnd | undefined> {
  try {
    const end = await measured(work, tending);
    work.failures = 0;
    return end;
  } catch (error) {
    addNote(work.report, `${name}: ${reasonOf(error)}`);
    work.failures += 1;
    if (work.failures >= mostFailuresInARow) throw error;
    return undefined;
  }
}

async function measured<T>(work: Work, doing: () => Promise<T>): Promise<T> {
  const { clock } = work.tools;
  const beganMs = clock.monotonic();
  const { result, counters } = await withReceipt(() => settled(doing));
  addRequests(work.report, counters, clock.monotonic() - beganMs);
  if ('error' in result) throw result.error;
  return result.value;
}

/** The requests of work that fails are billed too. */
async function settled<T>(doing: () => Promise<T>): Promise<{ value: T } | { error: unknown }> {
  try {
    return { value: await doing() };
  } catch (error) {
    return { error };
  }
}

async function saveNowAndThen(work: Work): Promise<void> {
  const { clock } = work.tools;
  if (clock.monotonic() - work.savedMs >= saveEveryMs) await save(work, { state: 'running' });
}

async function save(work: Work, progress: Pick<Progress, 'state' | 'cursor' | 'reason'>): Promise<void> {
  const { tools, run, report, done, all } = work;
  work.savedMs = tools.clock.monotonic();
  if (progress.state !== 'running') await work.saving;
  const isOurs = await saveProgress(tools, run, { ...progress, donePartitions: done, partitions: all, report });
  if (!isOurs) throw new Lost();
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
