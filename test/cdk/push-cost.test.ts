import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { PushInvocation } from '../../lib/api/push.ts';
import { createEngine } from '../../lib/engine.ts';
import { noTargets } from '../../lib/push/no-targets.ts';
import { route } from '../../lib/push/route.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { countingObjectStore, countingTable, newCounters } from '../../lib/storage/count.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import { batchOf } from '../log/world.ts';
import { pushTable, unitsOfAppend } from './push-cost.ts';

const appends = 20;

/** Appends, and pushes each append as the router and the dispatcher do. Only the pushes are counted. */
async function unitsOfPushes() {
  const totals = newCounters();
  const clock = systemClock;
  const bare = { objects: createMemoryObjectStore({ clock }), table: createMemoryTable(), clock };
  const invoked: PushInvocation[] = [];
  const invoke = async (invocation: PushInvocation) => void invoked.push(invocation);
  const success = { kind: 'answered', answer: { kind: 'success' } } as const;
  const targets = {
    ...noTargets.targets,
    check: async () => undefined,
    open: () => ({ deliver: async () => success }),
  };
  const writer = createEngine({ ...bare, push: { targets, invoke } });
  const table = countingTable(bare.table, totals);
  const pusher = createEngine({
    ...bare,
    table,
    objects: countingObjectStore(bare.objects, totals),
    push: { targets, invoke },
  });
  const { topicId } = await writer.createTopic({ topic: 't' });
  const target = { function: 'arn:aws:lambda:eu-west-1:123456789012:function:f' };
  await writer.subscriptions.create({ topic: 't', groupId: 'g', target, startingPosition: 'TRIM_HORIZON' });
  for (let next = 1; next <= appends; next++) {
    await writer.append({ topic: 't', partitions: [{ partition: 0, batches: batchOf(['v']) }] });
    await route({ table, clock, invoke }, { topicId, partition: 0, next });
    for (const invocation of invoked.splice(0)) await pusher.dispatcher.run(invocation);
  }
  const { subscriptions } = writer;
  expect((await subscriptions.get({ topic: 't', groupId: 'g' })).partitions[0]).toMatchObject({
    committedOffset: appends,
  });
  return totals;
}

test('an append that is pushed costs the units that the model has', async () => {
  const { readUnits, writeUnits, s3Get } = await unitsOfPushes();
  // The topic is read once.
  expect((readUnits - 1) / appends).toBe(unitsOfAppend.readUnits);
  expect([writeUnits / appends, s3Get / appends]).toEqual([unitsOfAppend.writeUnits, unitsOfAppend.s3Get]);
});

test('a million records cost what docs/PUSH.md says', () => {
  expect(readFileSync('docs/PUSH.md', 'utf8')).toContain(pushTable(256));
});
