// The item of a pass says who asked for what, how far it is, and what it has done. A pass may go on in another process:
// the one that stops writes where it stands and asks again, and the next one claims it.
//
//   v version   id pass id   st state   op options   at time of the request   up time of the last progress
//   d done partitions   n all partitions   c where it goes on   so the report so far   rp the last whole report
//   wr the run that may write   why the reason of a failure
//
// Invariant: only the run that has claimed the pass last writes to the item, so two runs of one pass cannot mix their sums.
import type { MaintenanceOptions, MaintenancePass, MaintenanceReport, PassState } from '../api/maintenance.ts';
import type { Clock } from '../runtime/clock.ts';
import { checkVersion, itemVersion, passKey } from '../storage/keys.ts';
import { absent, all, any, below, type Condition, equals, type Item, type Table } from '../storage/table.ts';

/** Where a pass goes on: at this partition of the first topic whose name is not below this one. */
export type Cursor = {
  readonly topic: string;
  readonly partition: number;
  /** All partitions are done, and the sweep is left. */
  readonly isSweep?: true;
};

export type StoredPass = MaintenancePass & { readonly cursor?: Cursor; readonly soFar?: MaintenanceReport };

/** The run of a pass in one process. */
export type Run = { readonly topicId: string | undefined; readonly passId: string; readonly runId: string };

/** Longer than a function lives. */
const deadAfterMs = 16 * 60_000;

/** `bornMs`: passes whose last progress is older died with an earlier process. Only a process that is alone knows that. */
export type PassTable = { readonly table: Table; readonly clock: Clock; readonly bornMs?: number };

const deadBefore = ({ clock, bornMs = 0 }: PassTable): number => Math.max(bornMs, clock.now() - deadAfterMs);

/** Returns the pass that was requested, or the one at work. The second value says which. */
export async function requestPass(
  tools: PassTable,
  topicId: string | undefined,
  { full = false, dryRun = false, confirmRetention = false }: MaintenanceOptions,
): Promise<{ pass: StoredPass; isNew: boolean }> {
  const { table, clock } = tools;
  const nowMs = clock.now();
  const notAtWork = any(
    absent('v'),
    equals('st', 'done' satisfies PassState),
    equals('st', 'failed' satisfies PassState),
    below('up', deadBefore(tools)),
  );
  const result = await table.write({
    kind: 'update',
    key: passKey(topicId),
    update: {
      set: [
        ['v', itemVersion],
        ['id', newId(clock)],
        ['st', 'requested' satisfies PassState],
        ['op', JSON.stringify({ full, dryRun, confirmRetention })],
        ['at', nowMs],
        ['up', nowMs],
        ['d', 0],
        ['n', 0],
      ],
      remove: ['c', 'so', 'wr', 'why'],
    },
    if: notAtWork,
  });
  const item = result.applied ? result.item : result.old;
  return { pass: parsePass(tools, item!), isNew: result.applied };
}

export const newId = (clock: Clock): string => Buffer.from(clock.randomBytes(12)).toString('base64url');

export async function readPass(tools: PassTable, topicId: string | undefined): Promise<StoredPass | undefined> {
  const item = await tools.table.get(passKey(topicId), { strong: true });
  return item && parsePass(tools, item);
}

/** Takes the pass that waits for a process. Returns undefined if another one has taken it, or a newer pass its place. */
export async function claimPass(
  tools: PassTable,
  topicId: string | undefined,
  passId: string,
): Promise<{ pass: StoredPass; run: Run } | undefined> {
  const run = { topicId, passId, runId: newId(tools.clock) };
  const waits = all(equals('id', passId), equals('st', 'requested' satisfies PassState));
  const item = await save(tools, run, waits, { st: 'running' satisfies PassState, wr: run.runId });
  return item && { pass: parsePass(tools, item), run };
}

export type Progress = {
  readonly state: PassState;
  readonly donePartitions: number;
  readonly partitions: number;
  readonly report: MaintenanceReport;
  readonly cursor?: Cursor;
  readonly reason?: string;
};

/** Returns false if the pass belongs to another run by now. */
export async function saveProgress(tools: PassTable, run: Run, progress: Progress): Promise<boolean> {
  const { state, donePartitions, partitions, report, cursor, reason } = progress;
  const isOver = state === 'done' || state === 'failed';
  const isOurs = all(equals('id', run.passId), equals('wr', run.runId), equals('st', 'running' satisfies PassState));
  const saved = await save(tools, run, isOurs, {
    st: state,
    d: donePartitions,
    n: partitions,
    [isOver ? 'rp' : 'so']: JSON.stringify(report),
    ...(cursor && { c: JSON.stringify(cursor) }),
    ...(reason !== undefined && { why: reason }),
  });
  return saved !== undefined;
}

async function save(
  { table, clock }: PassTable,
  { topicId }: Run,
  condition: Condition,
  attributes: Readonly<Record<string, string | number>>,
): Promise<Item | undefined> {
  const set = Object.entries({ ...attributes, up: clock.now() });
  const result = await table.write({ kind: 'update', key: passKey(topicId), update: { set }, if: condition });
  return result.applied ? result.item : undefined;
}

function parsePass(tools: PassTable, item: Item): StoredPass {
  checkVersion(item, 'pass');
  const isOver = item.st === 'done' || item.st === 'failed';
  const isDead = !isOver && (item.up as number) < deadBefore(tools);
  const json = <T>(name: string): T | undefined =>
    typeof item[name] === 'string' ? (JSON.parse(item[name]) as T) : undefined;
  const soFar = isOver ? undefined : json<MaintenanceReport>('so');
  const report = soFar ?? json<MaintenanceReport>('rp');
  const cursor = json<Cursor>('c');
  const reason = isDead ? 'the pass has stopped without a word: start it again' : (item.why as string | undefined);
  return {
    passId: item.id as string,
    state: isDead ? 'failed' : (item.st as PassState),
    ...json<Required<MaintenanceOptions>>('op')!,
    requestedMs: item.at as number,
    progressMs: item.up as number,
    donePartitions: item.d as number,
    partitions: item.n as number,
    ...(reason !== undefined && { reason }),
    ...(report && { report }),
    ...(cursor && { cursor }),
    ...(soFar && { soFar }),
  };
}
