import { beforeEach, describe, expect, it } from 'vitest';
import { createMember, type GroupWorld, groupId, settleAll, type TestMember, worldOfTopic } from '../world.ts';

let world: GroupWorld;
beforeEach(async () => {
  world = await worldOfTopic(6);
});
const member = (id: string, options?: Parameters<typeof createMember>[2]) => createMember(world.engine, id, options);

describe('a group that is as large as can be', () => {
  const longNamed = async (count: number, partitions: number) => {
    const names = Array.from({ length: count }, (_, i) => `long-${i}-`.padEnd(249, 'x'));
    for (const topic of names) await world.engine.createTopic({ topic, partitions });
  };
  const ranged = (i: number, pattern = 'long-.*') =>
    member(`m${String(i).padStart(2, '0')}`, { subscribedTopicRegex: pattern, serverAssignor: 'range' });

  it('refuses a member that would make its assignment too large, and the others go on', async () => {
    await longNamed(40, 40);
    const joined: TestMember[] = [];
    let refusal: unknown;
    while (!refusal) {
      const next = ranged(joined.length);
      await next.beat().then(
        () => joined.push(next),
        (error) => (refusal = error),
      );
    }
    expect(refusal).toMatchObject({ errorCode: 'GROUP_MAX_SIZE_REACHED', outcome: 'not-written' });
    expect(String(refusal)).toMatch(
      /the assignment of group billing to 3\d members would take \d+ bytes, above the limit of 405504/,
    );
    await settleAll(...joined);
    expect(joined.every(({ owned }) => owned.length >= 40)).toBe(true);
    // All of them die, and no process has closed them yet.
    world.clock.advance(60_000);
    const next = ranged(99);
    await settleAll(next);
    expect(next.owned).toHaveLength(1_600);
  });

  it('reports that its topics have become too many, and goes on when there are fewer again', async () => {
    await longNamed(600, 1);
    const one = ranged(0, '(long|late)-.*');
    await settleAll(one);
    const late = Array.from({ length: 20 }, (_, i) => `late-${i}-`.padEnd(249, 'x'));
    for (const topic of late) await world.engine.createTopic({ topic });
    world.clock.advance(16_000);
    await expect(one.beat()).rejects.toMatchObject({
      errorCode: 'GROUP_MAX_SIZE_REACHED',
      message: expect.stringMatching(/would own partitions that take \d+ bytes to list, above the limit of 163840/),
    });
    const { groups } = world.engine;
    expect(await groups.expire({ groupId, retentionMs: 1 })).toEqual({ offsets: 0, isGone: false });
    for (const topic of late) await world.engine.deleteTopic(topic);
    await settleAll(one);
    expect(one.owned).toHaveLength(600);
  });
});
