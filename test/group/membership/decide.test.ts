// The pure part: for any items that are read and any request that comes in, the outcome keeps the invariants of
// decide.ts.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GroupHead } from '../../../lib/group/items/head.ts';
import type { Member } from '../../../lib/group/items/member.ts';
import { admit, glance, reconcile, recordOf, replyOf, settle } from '../../../lib/group/membership/decide.ts';
import type { CheckedRequest } from '../../../lib/group/membership/heartbeat-request.ts';
import {
  covers,
  intersection,
  isEmpty,
  minus,
  type Partitions,
  setOf,
  union,
} from '../../../lib/group/partition-set.ts';

const topicId = 'AAAAAAAAAAAAAAAAAAAAAA';
const anySet: fc.Arbitrary<Partitions> = fc
  .subarray([0, 1, 2, 3, 4, 5, 6, 7])
  .map((partitions) => setOf([{ topic: 't', topicId, partitions }]));
const epoch = fc.integer({ min: 0, max: 5 });
const seq = fc.integer({ min: 0, max: 4 });
const nowMs = 1_000_000;

const anyMember: fc.Arbitrary<Member> = fc
  .record({
    state: fc.constantFrom('open', 'away', 'closed', 'retired'),
    revision: fc.integer({ min: 1, max: 9 }),
    seq,
    epoch,
    shownEpoch: epoch,
    owned: anySet,
    revoking: anySet,
    isWaiting: fc.boolean(),
    isBumpDue: fc.boolean(),
    renewedMs: fc.integer({ min: nowMs - 60_000, max: nowMs + 5_000 }),
    instanceId: fc.constantFrom(undefined, 'i'),
  })
  .map((member) => ({
    ...member,
    revoking: minus(member.revoking, member.owned),
    memberId: 'm',
    revokeDeadlineMs: nowMs + 1_000,
    sessionMs: 45_000,
    rebalanceMs: 300_000,
    subscription: { topics: ['t'], regex: '', assignor: undefined },
    rackId: undefined,
    clientId: '',
    host: '',
  }));

const anyBeat: fc.Arbitrary<CheckedRequest> = fc
  .record({
    memberEpoch: fc.integer({ min: -2, max: 5 }),
    seq,
    topics: fc.constantFrom(undefined, ['t'], ['u']),
    owned: fc.option(anySet, { nil: undefined }),
    instanceId: fc.constantFrom(undefined, 'i'),
  })
  .map((beat) => ({
    ...beat,
    groupId: 'g',
    memberId: 'm',
    rackId: undefined,
    clientId: '',
    host: '',
    rebalanceMs: 300_000,
    sessionMs: 45_000,
    intervalMs: 5_000,
    regex: undefined,
    assignor: undefined,
  }));

const headOf = (groupEpoch: number, assignmentEpoch: number): GroupHead => ({
  groupEpoch,
  assignmentEpoch,
  nonce: 'n',
  assignor: 'uniform',
  digest: '',
  catalogue: 0,
  createdMs: 0,
  emptySinceMs: undefined,
  isExpiring: false,
  isDeleted: false,
  classic: undefined,
  subscription: undefined,
});

describe('admission', () => {
  it('writes only for a heartbeat newer than the last written one, and the next revision', () => {
    fc.assert(
      fc.property(fc.option(anyMember, { nil: undefined }), anyBeat, (member, beat) => {
        const outcome = admit({ member, instance: undefined, nowMs }, beat);
        if (outcome.kind !== 'write' && outcome.kind !== 'take-over') return;
        expect(outcome.member.revision).toBe((member?.revision ?? 0) + 1);
        expect(outcome.member.seq).toBe(beat.seq);
        expect(beat.seq).toBeGreaterThan(member?.seq ?? -1);
      }),
    );
  });

  it('lets no member act under an epoch that is not its own, nor with partitions that are not', () => {
    fc.assert(
      fc.property(anyMember, anyBeat, (member, beat) => {
        const outcome = admit({ member, instance: undefined, nowMs }, beat);
        if (outcome.kind !== 'go-on') return;
        expect(member.state).toBe('open');
        expect([0, member.epoch, member.shownEpoch]).toContain(beat.memberEpoch);
        if (outcome.owned) expect(covers(union(member.owned, member.revoking), outcome.owned)).toBe(true);
      }),
    );
  });

  it('revives a member only by a join', () => {
    fc.assert(
      fc.property(anyMember, anyBeat, (member, beat) => {
        const outcome = admit({ member, instance: undefined, nowMs }, beat);
        const isBack = 'member' in outcome && outcome.member.state === 'open' && member.state !== 'open';
        if (isBack) expect(beat.memberEpoch).toBe(0);
      }),
    );
  });
});

describe('reconciliation', () => {
  it('releases only partitions that were to be let go of and are no longer reported', () => {
    fc.assert(
      fc.property(anyMember, anyBeat, fc.option(anySet, { nil: undefined }), anySet, (member, beat, owned, target) => {
        const plan = reconcile(member, beat, owned, target, nowMs);
        if (plan.kind === 'hold') {
          expect(isEmpty(member.revoking)).toBe(false);
          return;
        }
        expect(plan.release).toEqual(member.revoking);
        if (!isEmpty(plan.release)) expect(isEmpty(intersection(plan.release, owned!))).toBe(true);
        if (plan.kind === 'revoke') {
          expect(union(plan.member.owned, plan.member.revoking)).toEqual(member.owned);
          expect(plan.member.epoch).toBe(member.epoch);
          expect(covers(target, plan.member.owned)).toBe(true);
          return;
        }
        expect(plan.missing).toEqual(minus(target, member.owned));
      }),
    );
  });

  it('ends with a member that owns what was claimed and waits for the rest', () => {
    fc.assert(
      fc.property(anyMember, anyBeat, anySet, anySet, (member, beat, target, claimable) => {
        const missing = minus(target, member.owned);
        const claimed = intersection(missing, claimable);
        const after = settle(member, beat, undefined, { epoch: 6, claimed, missing }, nowMs)!;
        expect(after.owned).toEqual(union(member.owned, claimed));
        expect(after.isWaiting).toBe(!covers(claimed, missing));
        expect([after.epoch, after.revoking]).toEqual([6, []]);
      }),
    );
  });

  it('tells a member of no new partition that its item does not record by then', () => {
    fc.assert(
      fc.property(anyMember, anyBeat, fc.option(anySet, { nil: undefined }), (member, beat, owned) => {
        fc.pre(beat.seq > member.seq);
        const written = recordOf(member, beat, owned, nowMs);
        const told = setOf(replyOf(written ?? member, beat, nowMs).assignment);
        if (!written) expect(covers(owned ?? [], told)).toBe(true);
        else expect(written.seq).toBe(beat.seq);
      }),
    );
  });
});

describe('the fast path', () => {
  it('is taken only if nothing is on its way', () => {
    fc.assert(
      fc.property(anyMember, anyBeat, epoch, epoch, (member, beat, groupEpoch, assignmentEpoch) => {
        const outcome = glance({ head: headOf(groupEpoch, assignmentEpoch), member, nowMs }, beat);
        if (outcome.kind === 'slow') return;
        expect([member.epoch, groupEpoch, assignmentEpoch]).toEqual(Array(3).fill(beat.memberEpoch));
        expect(member.state).toBe('open');
        expect(isEmpty(member.revoking) && !member.isWaiting && !member.isBumpDue).toBe(true);
        expect(beat.owned).toEqual(member.owned);
      }),
    );
  });
});
