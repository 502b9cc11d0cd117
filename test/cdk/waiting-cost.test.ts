import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { options } from '../../cdk/config.ts';
import { limits } from '../../lib/api/limits.ts';
import { createEngine } from '../../lib/engine.ts';
import { countingTable, newCounters, withReceipt } from '../../lib/storage/count.ts';
import { createGroupWorld, createMember, settleAll } from '../group/world.ts';
import { createWorld } from '../log/world.ts';
import { monthOfHeartbeats, monthOfWaiting, unitsOfHeartbeat, waitingTable } from './waiting-cost.ts';

const waiter = { waitMs: 20_000, pauseMs: 0, partitions: 3, memoryMiB: 256 };

/** The read units of so many empty polls. The engine knows its topic, and time passes only while it waits. */
async function unitsOf(polls: number, { waitMs, pauseMs, partitions }: typeof waiter): Promise<number> {
  const world = createWorld();
  const totals = newCounters();
  await world.engine.createTopic({ topic: 't', partitions });
  const engine = createEngine({ ...world, table: countingTable(world.table, totals) });
  for (let poll = 0; poll < polls; poll++) {
    const wanted = Array.from({ length: partitions }, (_, partition) => ({ partition, offset: 0 }));
    await engine.fetch({ topic: 't', partitions: wanted, waitMs });
    world.clock.advance(pauseMs * 0.9);
  }
  return totals.readUnits;
}

describe('a month of waiting', () => {
  test.each([
    ['long polls', waiter],
    ['pauses of a second', { ...waiter, waitMs: 0, pauseMs: 1_000 }],
    ['pauses of thirty seconds', { ...waiter, waitMs: 0, pauseMs: 30_000 }],
  ])('with %s reads the units that the receipts count, within a twentieth', async (_, given) => {
    const counted = await unitsOf(60, given);
    const { readUnits, requests } = monthOfWaiting(given);
    expect(Math.abs((readUnits / requests) * 60 - counted) / counted).toBeLessThan(0.05);
  });

  test('in a group has the heartbeat units that the receipts count', async () => {
    const world = createGroupWorld((table) => countingTable(table, newCounters()));
    await world.engine.createTopic({ topic: 't', partitions: 20 });
    const members = Array.from({ length: 10 }, (_, i) => createMember(world.engine, `member-${i}`));
    await settleAll(...members);
    const totals = newCounters();
    const beats = 90;
    for (let beat = 0; beat < beats; beat++) {
      world.clock.advance(limits.defaultHeartbeatIntervalMs);
      for (const member of members.slice(0, -1)) await member.beat();
      const { counters } = await withReceipt(() => members.at(-1)!.beat());
      for (const name of ['readUnits', 'writeUnits'] as const) totals[name] += counters[name];
    }
    expect(totals.readUnits / beats).toBeCloseTo(unitsOfHeartbeat.readUnits, 1);
    expect(totals.writeUnits / beats).toBeCloseTo(unitsOfHeartbeat.writeUnits, 1);
  });

  test('costs less than a seventh with pauses of five seconds', () => {
    const paused = monthOfWaiting({ ...waiter, waitMs: 0, pauseMs: 5_000 });
    expect(paused.usd * 7).toBeLessThan(monthOfWaiting(waiter).usd);
    expect(paused.gbSeconds * 100).toBeLessThan(monthOfWaiting(waiter).gbSeconds);
  });

  test('costs what docs/DEPLOY.md says', () => {
    const guide = readFileSync('docs/DEPLOY.md', 'utf8');
    expect(guide).toContain(waitingTable(options.fetchMemoryMiB.fallback));
    expect(guide).toContain(`heartbeat every five seconds, $${monthOfHeartbeats(256).toFixed(2)} a month`);
  });
});
