// These tests run the member's side of the protocol on their own clock.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RivuletClientError } from '../../../client/client-error.ts';
import {
  decide,
  type Member,
  type MemberAction,
  type MemberEvent,
  newMember,
  type OwnedPartition,
  skewMs,
} from '../../../client/group/membership.ts';
import type { HeartbeatReply } from '../../../lib/api/groups.ts';

const settings = { sessionTimeoutMs: 10_000, heartbeatIntervalMs: 3_000, isStatic: false };
const topicId = 'AAAAAAAAAAAAAAAAAAAAAA';
const owned = (...partitions: number[]): OwnedPartition[] =>
  partitions.map((partition) => ({ topic: 't', topicId, partition }));
const error = (errorCode: string, retriable = false) =>
  new RivuletClientError(errorCode, 'as the test says', { retriable });

function reply(memberEpoch: number, ...partitions: number[]): HeartbeatReply {
  const assignment = partitions.length > 0 ? [{ topic: 't', topicId, partitions }] : [];
  const times = { heartbeatIntervalMs: 3_000, sessionTimeoutMs: 45_000, leaseMs: 10_000 };
  return { memberId: 'm', memberEpoch, ...times, assignment };
}

/** A member and a clock. Each step returns the actions. */
function subject(options = settings) {
  let member = newMember(0);
  let nowMs = 0;
  const happened = (event: EventWithoutTime): readonly MemberAction[] => {
    const decision = decide(member, options, { ...event, nowMs } as MemberEvent);
    member = decision.member;
    return decision.actions;
  };
  return {
    happened,
    wait: (ms: number) => (nowMs += ms),
    get nowMs(): number {
      return nowMs;
    },
    get member(): Member {
      return member;
    },
    /** Sends the heartbeat that is due. */
    beat(): Extract<MemberAction, { type: 'heartbeat' }> {
      nowMs = Math.max(nowMs, member.dueMs);
      const [action] = happened({ type: 'due' });
      if (action?.type !== 'heartbeat') throw new Error(`no heartbeat, but ${JSON.stringify(action)}`);
      return action;
    },
    answered: (seq: number, answer: HeartbeatReply) => happened({ type: 'answered', seq, reply: answer }),
    refused: (seq: number, why: RivuletClientError) => happened({ type: 'refused', seq, error: why, backoffMs: 100 }),
    /** The application has made the change that it last received. */
    changed: () => happened({ type: 'changed', number: member.changes }),
  };
}

type WithoutTime<T> = T extends unknown ? Omit<T, 'nowMs'> : never;
type EventWithoutTime = WithoutTime<MemberEvent>;

/** A member that has joined and owns these partitions. */
function joined(partitions: number[], options = settings) {
  const one = subject(options);
  one.answered(one.beat().seq, reply(1, ...partitions));
  one.changed();
  return one;
}

test('a member joins with epoch 0 and no partitions, and then reports the epoch from the reply and all it owns', () => {
  const one = subject();
  const join = one.beat();
  expect(join).toMatchObject({ seq: 1, epoch: 0, owned: [] });
  expect(one.answered(join.seq, reply(7, 0, 1))).toEqual([{ type: 'assign', number: 1, partitions: owned(0, 1) }]);
  one.changed();
  expect(one.beat()).toMatchObject({ seq: 2, epoch: 7, owned: owned(0, 1) });
});

test('a member that is refused while it leaves has left once the application is done with the loss', () => {
  const one = joined([0]);
  one.refused(one.beat().seq, error('UNKNOWN_MEMBER_ID'));
  const join = one.beat();
  expect(one.happened({ type: 'leave' })).toEqual([]);
  expect(one.refused(join.seq, error('UNKNOWN_MEMBER_ID'))).toEqual([]);
  expect(one.changed()).toMatchObject([{ type: 'leave' }]);
  expect(one.member.phase).toBe('ended');
});

test.each(['refused again', 'slow'])('nothing is assigned while the application takes in a loss (%s)', (what) => {
  const one = joined([0]);
  one.refused(one.beat().seq, error('UNKNOWN_MEMBER_ID'));
  if (what === 'slow') {
    one.happened({ type: 'slow', reason: error('MAX_POLL_INTERVAL_EXCEEDED') });
    one.happened({ type: 'rested' });
  } else one.refused(one.beat().seq, error('UNKNOWN_MEMBER_ID'));
  expect(one.answered(one.beat().seq, reply(2, 0))).toEqual([]);
  expect(one.changed()).toMatchObject([{ type: 'assign', partitions: owned(0) }]);
});

test('the answer to any but the newest heartbeat is dropped', () => {
  const one = joined([0, 1]);
  const old = one.beat();
  one.happened({ type: 'subscribed' });
  const newest = one.beat();
  expect(one.answered(old.seq, reply(1))).toEqual([]);
  expect(one.refused(old.seq, error('UNKNOWN_MEMBER_ID'))).toEqual([]);
  expect(one.answered(newest.seq, reply(1, 0, 1))).toEqual([]);
  expect(one.member.held).toEqual(owned(0, 1));
});

test('a revoked partition is reported as owned exactly until the application has released it', () => {
  const one = joined([0, 1]);
  expect(one.answered(one.beat().seq, reply(1, 0))).toEqual([{ type: 'revoke', number: 2, partitions: owned(1) }]);
  const whileLettingGo = one.beat();
  expect(whileLettingGo.owned).toEqual(owned(0, 1));
  one.answered(whileLettingGo.seq, reply(1, 0));
  one.changed();
  expect(one.member.dueMs).toBe(one.nowMs);
  expect(one.beat()).toMatchObject({ owned: owned(0) });
});

test('a release comes before an assignment, and one change ends before the next begins', () => {
  const one = joined([0, 1]);
  expect(one.answered(one.beat().seq, reply(2, 0, 5))).toMatchObject([{ type: 'revoke', partitions: owned(1) }]);
  expect(one.answered(one.beat().seq, reply(2, 5, 6))).toEqual([]);
  expect(one.changed()).toMatchObject([{ type: 'revoke', partitions: owned(0) }]);
  expect(one.changed()).toMatchObject([{ type: 'assign', partitions: owned(5, 6) }]);
});

test('the lease runs from the time when the answered heartbeat was sent, less the skew', () => {
  const one = subject();
  one.wait(500);
  const { seq } = one.beat();
  one.wait(2_000);
  one.answered(seq, reply(1, 0));
  expect(one.member.leaseEndMs).toBe(500 + 10_000 - skewMs);
});

test('an answer that comes after its lease is not believed', () => {
  const one = joined([0]);
  const { seq } = one.beat();
  one.wait(10_000 - skewMs);
  expect(one.answered(seq, reply(2, 0, 1))).toEqual([]);
  expect(one.member).toMatchObject({ epoch: 1, held: owned(0) });
  expect(one.beat()).toMatchObject({ epoch: 1 });
});

test.each(['UNKNOWN_MEMBER_ID', 'FENCED_MEMBER_EPOCH'])(
  'after %s a member loses everything immediately, and joins again',
  (code) => {
    const one = joined([0, 1]);
    const fenced = one.beat();
    expect(one.refused(fenced.seq, error(code))).toMatchObject([
      { type: 'lose', partitions: owned(0, 1), reason: { errorCode: code } },
    ]);
    expect(one.member.leaseEndMs).toBe(Number.NEGATIVE_INFINITY);
    one.changed();
    expect(one.beat()).toMatchObject({ seq: fenced.seq + 1, epoch: 0, owned: [] });
  },
);

test('a loss overtakes the change that is under way', () => {
  const one = joined([0, 1]);
  const [revoke] = one.answered(one.beat().seq, reply(1, 0));
  expect(one.refused(one.beat().seq, error('FENCED_MEMBER_EPOCH'))).toMatchObject([
    { type: 'lose', partitions: owned(0, 1) },
  ]);
  one.answered(one.beat().seq, reply(3, 2));
  expect(one.happened({ type: 'changed', number: (revoke as { number: number }).number })).toEqual([]);
  expect(one.changed()).toMatchObject([{ type: 'assign', partitions: owned(2) }]);
});

test('after a retriable error a member tries again, and keeps everything', () => {
  const one = joined([0]);
  const { seq } = one.beat();
  expect(one.refused(seq, error('COORDINATOR_LOAD_IN_PROGRESS', true))).toEqual([]);
  expect(one.beat()).toMatchObject({ seq: seq + 1, epoch: 1, owned: owned(0) });
});

test('an error that is not retriable ends the membership', () => {
  const one = joined([0]);
  expect(one.refused(one.beat().seq, error('FORBIDDEN'))).toMatchObject([
    { type: 'lose', partitions: owned(0) },
    { type: 'fail', error: { errorCode: 'FORBIDDEN' } },
  ]);
  one.wait(60_000);
  expect(one.happened({ type: 'due' })).toEqual([]);
});

test('a member waits for an instance id in use as long as a crashed holder would keep it', () => {
  const one = subject({ ...settings, isStatic: true });
  for (let waitedMs = 0; waitedMs <= 16_000; waitedMs += 3_000)
    expect(one.refused(one.beat().seq, error('UNRELEASED_INSTANCE_ID'))).toEqual([]);
  expect(one.refused(one.beat().seq, error('UNRELEASED_INSTANCE_ID'))).toMatchObject([{ type: 'fail' }]);
});

test.each([
  [false, -1],
  [true, -2],
])(
  'a member with a slow handler (static: %s) leaves with %i, is silent, and joins when the handler is done',
  (isStatic, epoch) => {
    const one = joined([0, 1], { ...settings, isStatic });
    const { seq } = one.beat();
    const reason = error('MAX_POLL_INTERVAL_EXCEEDED');
    expect(one.happened({ type: 'slow', reason })).toMatchObject([
      { type: 'lose', partitions: owned(0, 1), reason },
      { type: 'leave', seq: seq + 1, epoch },
    ]);
    expect(one.answered(seq, reply(1, 0, 1))).toEqual([]);
    one.wait(100_000);
    expect(one.happened({ type: 'due' })).toEqual([]);
    one.changed();
    one.happened({ type: 'rested' });
    expect(one.beat()).toMatchObject({ seq: seq + 2, epoch: 0, owned: [] });
  },
);

test.each(['resting', 'thrown out while leaving'])(
  'a member with nothing to send does not look at the clock again and again: %s',
  (what) => {
    const one = joined([0]);
    if (what === 'resting') {
      one.happened({ type: 'slow', reason: error('MAX_POLL_INTERVAL_EXCEEDED') });
      one.happened({ type: 'subscribed' });
    } else {
      one.happened({ type: 'leave' });
      one.refused(one.beat().seq, error('UNKNOWN_MEMBER_ID'));
    }
    one.wait(1_000);
    expect(one.happened({ type: 'due' })).toEqual([]);
    expect(one.member.dueMs).toBe(Number.POSITIVE_INFINITY);
  },
);

test('a leaving member releases everything first, however long that takes, and then tells the group', () => {
  const one = joined([0, 1]);
  expect(one.happened({ type: 'leave' })).toMatchObject([{ type: 'revoke', partitions: owned(0, 1) }]);
  const beat = one.beat();
  expect(beat).toMatchObject({ owned: owned(0, 1) });
  expect(one.answered(beat.seq, reply(1, 0, 1, 2))).toEqual([]);
  expect(one.changed()).toEqual([{ type: 'leave', seq: beat.seq + 1, epoch: -1 }]);
  one.wait(60_000);
  expect(one.happened({ type: 'due' })).toEqual([]);
});

test('a member that is removed while leaving does not join again', () => {
  const one = joined([0]);
  one.happened({ type: 'leave' });
  one.refused(one.beat().seq, error('UNKNOWN_MEMBER_ID'));
  one.wait(60_000);
  expect(one.happened({ type: 'due' })).toEqual([]);
  expect(one.changed()).toMatchObject([{ type: 'leave', epoch: -1 }]);
});

// --- whatever happens

const partitionSet = fc.uniqueArray(fc.nat(4), { maxLength: 4 });
const codes = ['UNKNOWN_MEMBER_ID', 'FENCED_MEMBER_EPOCH', 'STORAGE_UNAVAILABLE', 'UNRELEASED_INSTANCE_ID'];
const step = fc.oneof(
  fc.record({ type: fc.constant('wait' as const), ms: fc.nat(12_000) }),
  fc.record({ type: fc.constant('due' as const) }),
  fc.record({ type: fc.constant('answered' as const), age: fc.nat(2), epoch: fc.nat(5), partitions: partitionSet }),
  fc.record({ type: fc.constant('refused' as const), age: fc.nat(2), code: fc.constantFrom(...codes) }),
  fc.record({ type: fc.constant('changed' as const), age: fc.nat(1) }),
  fc.record({ type: fc.constantFrom('slow' as const, 'rested' as const, 'subscribed' as const) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

test('in every order of events seq grows, changes fit what is held and do not overlap, and heartbeats are truthful', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const world = application();
      for (const one of [...steps, { type: 'leave' as const }]) world.take(one);
    }),
    { numRuns: 2_000 },
  );
});

/** An application that makes every change, and checks what the member asks of it. */
function application() {
  const one = subject();
  const held = new Set<number>();
  let changing: { number: number; revoked: readonly number[] } | undefined;
  let lastSeq = 0;

  function perform(action: MemberAction): void {
    if (action.type === 'heartbeat' || action.type === 'leave') {
      expect(action.seq).toBeGreaterThan(lastSeq);
      lastSeq = action.seq;
    }
    if (action.type === 'heartbeat')
      expect(action.owned.map(({ partition }) => partition).sort()).toEqual([...held].sort());
    if (action.type === 'leave') expect([...held]).toEqual([]);
    if (!('partitions' in action)) return;
    const partitions = action.partitions.map(({ partition }) => partition);
    if (action.type === 'lose') {
      expect(partitions.sort()).toEqual([...held].sort());
      held.clear();
    } else {
      expect(changing).toBeUndefined();
      for (const partition of partitions) expect(held.has(partition)).toBe(action.type === 'revoke');
      if (action.type === 'assign') for (const partition of partitions) held.add(partition);
    }
    changing = { number: action.number, revoked: action.type === 'revoke' ? partitions : [] };
  }

  function eventOf(taken: Exclude<Step, { type: 'wait' }> | { type: 'leave' }): EventWithoutTime | undefined {
    switch (taken.type) {
      case 'answered':
        return { type: 'answered', seq: lastSeq - taken.age, reply: reply(taken.epoch, ...taken.partitions) };
      case 'refused':
        return { type: 'refused', seq: lastSeq - taken.age, error: refusal(taken.code), backoffMs: 100 };
      case 'changed': {
        if (!changing) return undefined;
        const number = changing.number - taken.age;
        if (taken.age === 0) {
          for (const partition of changing.revoked) held.delete(partition);
          changing = undefined;
        }
        return { type: 'changed', number };
      }
      case 'slow':
        return { type: 'slow', reason: error('MAX_POLL_INTERVAL_EXCEEDED') };
      default:
        return { type: taken.type };
    }
  }

  return {
    take(taken: Step | { type: 'leave' }): void {
      if (taken.type === 'wait') one.wait(taken.ms);
      else if (taken.type === 'rested' && one.member.phase !== 'resting') return;
      else {
        const event = eventOf(taken);
        for (const action of event ? one.happened(event) : []) perform(action);
      }
    },
  };
}

const refusal = (code: string) => error(code, code === 'STORAGE_UNAVAILABLE');
