// One short life of a group on every table: joins, a hand-over, a static member that is replaced (a transaction), a
// commit over several items (a transaction), a reset, the end, and a new beginning. DynamoDB may refuse what the memory
// table lets pass.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createDynamoDbTable } from '../../lib/storage/aws/dynamodb-table.ts';
import { createSqliteTable } from '../../lib/storage/embedded/sqlite-table.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import type { Table } from '../../lib/storage/table.ts';
import { createTestTable, onEndpoint } from '../aws/resources.ts';
import { committed, createGroupWorld, createMember, errorCodeOf, groupId, settleAll } from './world.ts';

function life(name: string, makeTable: () => Promise<Table>): void {
  describe(name, () => {
    it('a group lives, is deleted, and is re-created', async () => {
      const world = createGroupWorld((table) => table, await makeTable());
      const { engine, clock } = world;
      await engine.createTopic({ topic: 't', partitions: 40 });
      const a = createMember(engine, 'AAAAAAAAAAAAAAAAAAAAAA', { instanceId: 'a' });
      const b = createMember(engine, 'b', { rackId: 'r', clientId: 'c' });
      await settleAll(a, b);
      expect([a.owned.length, b.owned.length]).toEqual([20, 20]);

      const partitions = a.owned.map((each) => ({ partition: Number(each.slice(2)), offset: 7, metadata: 'x' }));
      const commit = {
        groupId,
        memberId: a.memberId,
        memberEpoch: a.epoch,
        commitSeq: 1,
        topics: [{ topic: 't', partitions }],
      };
      await engine.groups.commitOffsets(commit);
      await engine.groups.commitOffsets(commit);
      expect(await committed(engine, partitions[0]!.partition)).toBe(7);
      expect(await b.commit(partitions[0]!.partition, 9)).toBe('STALE_MEMBER_EPOCH');

      await a.send({ memberEpoch: -2 });
      const again = createMember(engine, 'a2', { instanceId: 'a' });
      await again.settle();
      expect(again.owned).toEqual(a.owned);

      clock.advance(5_000);
      await again.leave();
      await settleAll(b);
      expect(b.owned).toHaveLength(40);
      clock.advance(16_000);
      await b.beat();
      expect((await engine.groups.describe(groupId)).state).toBe('Stable');
      await b.leave();
      const target = { to: 'earliest' } as const;
      await engine.groups.resetOffsets({ groupId, dryRun: false, topics: [{ topic: 't', target }] });
      expect(await committed(engine, partitions[0]!.partition)).toBe(0);
      await engine.groups.delete(groupId);
      expect(await errorCodeOf(engine.groups.describe(groupId))).toBe('GROUP_ID_NOT_FOUND');
      expect((await engine.groups.list({})).groups).toEqual([]);

      // These commits go into buried items, and to where there is no item yet.
      await engine.createTopic({ topic: 'u' });
      for (const topic of ['t', 'u'])
        await engine.groups.commitOffsets({ groupId, topics: [{ topic, partitions: [{ partition: 0, offset: 5 }] }] });
      expect([await committed(engine, 0), await committed(engine, 0, 'u'), await committed(engine, 1)]).toEqual([
        ...[5, 5, -1],
      ]);
    });
  });
}

const directory = mkdtempSync(join(tmpdir(), 'rivulet-groups-'));
const sqlite = createSqliteTable({ path: join(directory, 'table.sqlite') });
afterAll(() => {
  sqlite.close();
  rmSync(directory, { recursive: true });
});

life('memory', async () => createMemoryTable());
life('SQLite', async () => sqlite);
await onEndpoint('dynamodb-local', (connection) =>
  life('DynamoDB Local', async () =>
    createDynamoDbTable({ ...connection, tableName: await createTestTable(connection) }),
  ),
);
