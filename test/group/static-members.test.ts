import { beforeEach, describe, expect, it } from 'vitest';
import { createEngine } from '../../lib/engine.ts';
import { createMember, errorCodeOf, type GroupWorld, groupId, settleAll, worldOfTopic } from './world.ts';

let world: GroupWorld;
beforeEach(async () => {
  world = await worldOfTopic(6);
});
const member = (id: string, options?: Parameters<typeof createMember>[2]) => createMember(world.engine, id, options);
const all = ['t-0', 't-1', 't-2', 't-3', 't-4', 't-5'];

describe('static members', () => {
  const fixed = (id: string, instanceId: string) => member(id, { instanceId });

  it('come back under another id within the session, and nothing moves', async () => {
    const [a, b] = [fixed('a1', 'A'), fixed('b1', 'B')];
    await settleAll(a, b, a);
    const [before, epoch] = [a.owned, b.epoch];
    await a.send({ memberEpoch: -2 });
    world.clock.advance(20_000);
    await b.beat();
    const again = fixed('a2', 'A');
    await again.settle();
    await b.settle();
    expect(again.owned).toEqual(before);
    expect(b.epoch).toBe(epoch);
    expect(await errorCodeOf(a.send())).toBe('FENCED_INSTANCE_ID');
  });

  it('do not share an instance id', async () => {
    await fixed('a1', 'A').settle();
    expect(await errorCodeOf(fixed('a2', 'A').beat())).toBe('UNRELEASED_INSTANCE_ID');
  });

  it('inherit the partitions of one that died', async () => {
    const a = fixed('a1', 'A');
    await a.settle();
    world.clock.advance(46_000);
    const again = fixed('a2', 'A');
    await again.settle();
    expect(again.owned).toEqual(all);
  });

  it('that do not come back within the session lose everything', async () => {
    const [a, b] = [fixed('a1', 'A'), member('b')];
    await settleAll(a, b, a);
    await a.send({ memberEpoch: -2 });
    for (let waitedMs = 0; waitedMs < 60_000; waitedMs += 5_000) {
      world.clock.advance(5_000);
      await b.beat();
    }
    expect(b.owned).toEqual(all);
  });

  it('may leave for good, and then lose everything', async () => {
    const [a, b] = [fixed('a1', 'A'), member('b')];
    await settleAll(a, b, a);
    await a.leave();
    await b.beat();
    expect(b.owned).toEqual(all);
    const again = fixed('a2', 'A');
    await settleAll(again, b, again);
    expect(again.owned).toHaveLength(3);
  });

  it('own their partitions again after a leave that died midway and a reset', async () => {
    const { table, objects, clock } = world;
    const a = fixed('a1', 'A');
    await a.settle();
    // The leave installs a target without the member, and dies before it retires the closed member.
    const write: typeof table.write = async (one) => {
      if (one.kind === 'put' && one.item.st === 'r') throw new Error('died');
      return table.write(one);
    };
    const dying = createEngine({ objects, clock, table: { ...table, write } });
    const leave = { groupId, memberId: 'a1', memberEpoch: -1, heartbeatSeq: 100, instanceId: 'A' };
    await expect(dying.groups.heartbeat(leave)).rejects.toThrow('died');
    const topics = [{ topic: 't', target: { to: 'earliest' as const } }];
    await world.engine.groups.resetOffsets({ groupId, dryRun: false, topics });
    const again = fixed('a2', 'A');
    await again.settle();
    expect(again.owned).toEqual(all);
  });
});
