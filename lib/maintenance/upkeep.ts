// Maintenance that nobody asks for: hints of appends, the daily look at all partitions, and retention that is due more
// often than daily.
import { RivuletError } from '../api/errors.ts';
import { inParallel } from '../runtime/concurrency.ts';
import { withReceipt } from '../storage/count.ts';
import { createTopics, type Topic } from '../topic/topics.ts';
import { allTopics } from './all-topics.ts';
import { dueOf, retentionHours } from './due.ts';
import { newId } from './pass-item.ts';
import { addNote, addRequests, newReport, type Report } from './report.ts';
import { tend } from './tend.ts';
import { begunOf, type MaintenanceTools, tendingOf } from './tools.ts';

export type Errand = { readonly topic: string; readonly topicId: string; readonly partitions: readonly number[] };

/** `left` is the rest of the errand when the time is up. */
export type Tended = { readonly report: Report; readonly left?: Errand };

/** Tends the partitions, one after the other. A partition that fails does not keep the others from being looked after. */
export async function runErrand(tools: MaintenanceTools, errand: Errand): Promise<Tended> {
  const report = newReport();
  const topic = await existing(tools, errand);
  const beganMs = tools.clock.monotonic();
  let done = 0;
  const { counters } = await withReceipt(async () => {
    if (!topic) return;
    const mode = { isDryRun: false, isFull: false, isAskedFor: false, owner: newId(tools.clock) };
    const tending = tendingOf(tools, topic, report, { ...mode, begunMs: await begunOf(tools, false) });
    for (const partition of errand.partitions) {
      if (tools.isOver()) return;
      const end = await tend(tending, topic, partition).catch((error: Error) =>
        addNote(report, `${topic.topic}/${partition}: ${error.message}`),
      );
      if (end === 'cut') return;
      done += 1;
    }
  });
  addRequests(report, counters, tools.clock.monotonic() - beganMs);
  report.partitions = done;
  const partitions = topic ? errand.partitions.slice(done) : [];
  return { report, ...(partitions.length > 0 && { left: { ...errand, partitions } }) };
}

async function existing({ table, clock }: MaintenanceTools, errand: Errand): Promise<Topic | undefined> {
  try {
    return await createTopics(table, clock).resolve(errand);
  } catch (error) {
    if (error instanceof RivuletError) return undefined;
    throw error;
  }
}

export type Looked = {
  readonly partitions: number;
  readonly due: number;
  /** The age of the oldest page that a merge should have taken. */
  readonly unmergedAgeMs: number;
  readonly damagedPartitions: number;
  /** The time was up before all topics were looked at. */
  readonly isCut: boolean;
};

const partitionsAtOnce = 16;
/** A process that tends more partitions at a time would live too long. */
const mostInErrand = 50;

/**
 * Looks at every partition and sends an errand for those with something due. `onlyRetention`: looks only at topics whose
 * retention is due in this hour.
 */
export async function lookAround(
  tools: MaintenanceTools,
  send: (errand: Errand) => Promise<void>,
  onlyRetention = false,
): Promise<Looked> {
  const looked = { partitions: 0, due: 0, unmergedAgeMs: 0, damagedPartitions: 0, isCut: false };
  const topics = createTopics(tools.table, tools.clock);
  const begunMs = await begunOf(tools, false);
  const hour = Math.floor(tools.clock.now() / 3_600_000);
  for (const ref of await allTopics(topics)) {
    if (tools.isOver()) return { ...looked, isCut: true };
    const topic = await existing(tools, { ...ref, partitions: [] });
    const isSkipped = !topic || (onlyRetention && !isHourOf(topic, hour));
    if (isSkipped) continue;
    const numbers = Array.from({ length: topic.partitions }, (_, partition) => partition);
    const found = await inParallel(numbers, partitionsAtOnce, (partition) =>
      dueOf(tools, topic, partition, begunMs, onlyRetention),
    );
    const due = numbers.filter((partition) => found[partition]!.isDue);
    for (let from = 0; from < due.length; from += mostInErrand)
      await send({ topic: topic.topic, topicId: topic.topicId, partitions: due.slice(from, from + mostInErrand) });
    looked.partitions += numbers.length;
    looked.due += due.length;
    looked.unmergedAgeMs = Math.max(looked.unmergedAgeMs, ...found.map(({ unmergedAgeMs }) => unmergedAgeMs));
    looked.damagedPartitions += found.filter(({ isDamaged }) => isDamaged).length;
  }
  return looked;
}

/** The daily look covers what is due once a day. */
function isHourOf(topic: Topic, hour: number): boolean {
  const hours = retentionHours(topic);
  return hours < 24 && hour % hours === 0;
}
