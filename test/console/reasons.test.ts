import { expect, test } from 'vitest';
import type { GroupDescription } from '../../client/admin/group-admin.ts';
import { reasonsOf } from '../../console/groups/reasons.ts';

const partition = {
  topic: 'orders',
  topicId: 't',
  partition: 0,
  currentOffset: 5,
  logStartOffset: 0,
  logEndOffset: 50,
};
const behind = { ...partition, lag: 45, timeLagMs: 150_000, lostRecords: 0, metadata: '', memberId: 'm' };
const member = { memberId: 'm', clientId: 'billing-7', host: '10.0.0.1', assignment: [] };
const group = (of: object, committedAgoMs?: number): GroupDescription =>
  ({
    ...{ groupId: 'billing', state: 'Stable', members: 1, memberDetails: [member] },
    partitionDetails: [{ ...behind, ...(committedAgoMs !== undefined && { committedAgoMs }) }],
    ...of,
  }) as unknown as GroupDescription;

test('a lone member that has committed nothing for a minute is named', () => {
  expect(reasonsOf(group({}, 144_000))).toEqual([
    'The member billing-7 on 10.0.0.1 has committed nothing for 2.4 min: it is slow or stands still.',
  ]);
  expect(reasonsOf(group({}, 59_000))).toEqual([]);
  expect(reasonsOf(group({}))).toEqual([]);
  const afterQuietHours = [{ ...behind, timeLagMs: 6_000, committedAgoMs: 7_200_000 }];
  expect(reasonsOf(group({ partitionDetails: afterQuietHours }))).toEqual([]);
  const busyElsewhere = [
    { ...behind, committedAgoMs: 144_000 },
    { ...behind, partition: 1, lag: 0, timeLagMs: 0, committedAgoMs: 2_000 },
  ];
  expect(reasonsOf(group({ partitionDetails: busyElsewhere }))).toEqual([]);
});

test('a group without members says when it last committed', () => {
  const none = { members: 0, memberDetails: [] };
  expect(reasonsOf(group(none, 336_000))).toEqual([
    'The group has no members, so nothing is read. It last committed 5.6 min ago. A member that stands still is put out too.',
  ]);
});
