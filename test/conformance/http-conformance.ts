// The HTTP conformance suite asks any endpoint for everything that docs/PROTOCOL.md promises. It also checks every
// reply against the schema that the OpenAPI document shows for it.
import { afterAll, beforeAll, beforeEach, describe, expect, type RunnerTask } from 'vitest';
import { deleteRecordsConformance } from './delete-records.ts';
import { fetchConformance } from './fetch.ts';
import { groupMembersConformance } from './group-members.ts';
import { groupOffsetsConformance } from './group-offsets.ts';
import { groupsConformance } from './groups.ts';
import { maintenanceConformance } from './maintenance.ts';
import { offsetsConformance } from './offsets.ts';
import { produceBinaryConformance } from './produce-binary.ts';
import { produceJsonConformance } from './produce-json.ts';
import { refusalsConformance } from './refusals.ts';
import { segmentsConformance } from './segments.ts';
import { smallAppendsConformance } from './small-appends.ts';
import { askOf, type Target } from './target.ts';
import { topicsConformance } from './topics.ts';
import { transactionsConformance } from './transactions.ts';

/** Maps the name of a test to the reason why this endpoint does not keep it. The reason is printed. */
export type Exceptions = Readonly<Record<string, string>>;

export function httpConformance(name: string, start: () => Promise<Target>, exceptions: Exceptions = {}): void {
  describe(`HTTP conformance: ${name}`, () => {
    beforeEach(({ task, skip }) => {
      const reason = exceptions[task.name];
      if (reason === undefined) return;
      console.log(`not kept here: "${task.name}": ${reason}`);
      skip(reason);
    });
    let target: Target | undefined;
    // biome-ignore lint/correctness/noEmptyPattern: vitest reads the pattern, and refuses a plain name.
    beforeAll(async ({}, suite) => {
      // A test that was renamed would run where it cannot pass.
      expect(Object.keys(exceptions).filter((test) => !namesIn(suite).includes(test))).toEqual([]);
      target = await start();
    });
    afterAll(() => target?.close());
    const ask = askOf(() => {
      if (target === undefined) throw new Error('the endpoint did not start');
      return target;
    });
    topicsConformance(ask);
    produceJsonConformance(ask);
    produceBinaryConformance(ask);
    smallAppendsConformance(ask);
    fetchConformance(ask);
    offsetsConformance(ask);
    deleteRecordsConformance(ask);
    groupMembersConformance(ask);
    groupOffsetsConformance(ask);
    groupsConformance(ask);
    transactionsConformance(ask);
    maintenanceConformance(ask);
    segmentsConformance(ask);
    refusalsConformance(ask);
  });
}

const namesIn = (task: RunnerTask): string[] =>
  'tasks' in task ? task.tasks.flatMap((inner) => namesIn(inner)) : [task.name];
