// Stages with pages of two entries, and log segments of few records, so that few records have every kind of neighbour.
import { createLogContext } from '../../../../lib/log/context.ts';
import { spill } from '../../../../lib/log/spill.ts';
import { realLib } from '../../core/lib-under-test.ts';
import { simulatedTopic } from '../clients.ts';
import { newHistory, type Send } from '../history.ts';
import { merging, type Pass } from '../upkeep.ts';
import { headOf, type Identity, newProducer, type Stage, stillClock, wrote } from './stage.ts';

const entriesLeft = 3;

/** Moves all but the last three entries of the tail to a page. */
async function spillNow({ objects, table, topicId, atMs }: Stage): Promise<void> {
  const context = createLogContext({ objects, table, clock: stillClock(atMs, 7) });
  await spill(context, { topicId, partition: 0 }, await headOf({ objects, table, topicId }));
}

/** Fills pages of two entries each. A batch has one record. */
export async function fillPages(stage: Stage, count: number): Promise<void> {
  for (let page = 0; page < count; page++) {
    while ((await headOf(stage)).tail.length < entriesLeft + 2) await wrote(stage, `filler${stage.sends.length}`);
    await spillNow(stage);
  }
}

/** No two passes may draw the same random names. */
export const runPass = ({ objects, table, atMs, sends }: Stage, pass: Pass) =>
  pass(realLib, { objects, table, clock: stillClock(atMs, (atMs + 7_919 * sends.length) % 1_000_003) }, newHistory());

/** Makes log segments of two records each. */
export async function fillLogSegments(stage: Stage, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await fillPages(stage, 1);
    await runPass({ ...stage, atMs: stage.atMs + i }, merging());
  }
}

/** A producer whose batch of two records is in a page, and not in the head any more. */
export async function evicted(stage: Stage, client: string): Promise<{ last: Send; identity: Identity }> {
  const identity = await newProducer(stage);
  const last = await wrote(stage, client, { identity, records: 2 });
  await fillPages(stage, 2);
  return { last, identity };
}

type Line = readonly [key: string, isTombstone?: boolean];

/** Each group of records becomes a log segment of its own. Three records stay in the tail. */
export async function fillKeyed(stage: Stage, ...groups: readonly (readonly Line[])[]): Promise<void> {
  for (const [i, group] of groups.entries()) {
    for (const [key, isTombstone = false] of group) await wrote(stage, `w${stage.sends.length}`, { key, isTombstone });
    if ((await headOf(stage)).tail.length > entriesLeft) await spillNow(stage);
    await runPass({ ...stage, atMs: stage.atMs + i }, merging());
  }
}

export const inlineConfig = (bytes: number) => ({ 'rivulet.inline.max.bytes': `${bytes}` });

/** From here on, small appends become items of the table. */
export const inlined = (stage: Stage) =>
  stage.engine.alterTopic({ topic: simulatedTopic, config: inlineConfig(65_536) });

export const compacted = (stage: Stage, more: Readonly<Record<string, string>> = {}) =>
  stage.engine.alterTopic({ topic: simulatedTopic, config: { 'cleanup.policy': 'compact', ...more } });
