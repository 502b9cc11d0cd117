import { describe, expect, it } from 'vitest';
import { encodeProduceFrames } from '../../lib/record/frames.ts';
import { memberOfTopic, settle } from './member.ts';
import { type Ask, batchOf, frameOf, freshName, type Reply } from './target.ts';

const values = (reply: Reply) => reply.json.records.map(({ value }: { value: unknown }) => value);

type Begun = { readonly transaction: number; readonly token: string; producerId: number; producerEpoch: number };

export function transactionsConformance(ask: Ask): void {
  const pathOf = (id: string) => `/v1/transactions/${id}`;
  const post = (id: string, what: string, body?: unknown) => ask.json('POST', `${pathOf(id)}/${what}`, body);

  /** Begins as the newest instance of the id. */
  async function begin(id = freshName(), body: object = {}) {
    const reply = await post(id, 'init', body);
    expect(reply.status).toBe(200);
    return producerOf(id, reply.json);
  }

  function producerOf(id: string, begun: Begun) {
    const { transaction, token, producerId, producerEpoch } = begun;
    const header = { 'rivulet-transaction': `${id} ${transaction} ${token}` };
    return {
      ...begun,
      id,
      header,
      options: (baseSequence = 0) => ({ producerId, producerEpoch, baseSequence, isTransactional: true }),
      produce: (path: string, records: readonly object[]) => ask.json('POST', `${path}/records`, { records }, header),
      frames: (path: string, frames: Uint8Array) => ask.frames(`${path}/records`, frames, header),
      offsets: (group: string, body: object) => ask.json('POST', `/v1/groups/${group}/offsets`, body, header),
      commit: (more: object = {}) => post(id, 'commit', { transaction, token, ...more }),
      abort: () => post(id, 'abort', { transaction, token }),
      next: (ended: Reply) => producerOf(id, { ...begun, ...ended.json, transaction: ended.json.next }),
    };
  }

  const read = async (path: string, partition = 0) => values(await ask.get(`${path}/partitions/${partition}/records`));
  const offsetsOf = (topic: string, offset: number) => ({
    topics: [{ topic, partitions: [{ partition: 0, offset }] }],
  });
  const committed = async (group: string, topic: string) => {
    const query = `?partitions=0&topic=${topic}`;
    return (await ask.get(`/v1/groups/${group}/offsets${query}`)).json.topics[0].partitions[0].offset;
  };

  describe('a transaction', () => {
    it('shows JSON records and batches of several topics together, when it is committed', async () => {
      const [one, two] = [await ask.topic(2), await ask.topic()];
      const tx = await begin();
      const json = await tx.produce(one.path, [
        { partition: 1, value: 'a' },
        { partition: 1, value: 'b' },
        { partition: 0, value: 'c' },
      ]);
      expect(json.json).toEqual({
        topicId: one.topicId,
        partitions: expect.arrayContaining([
          { partition: 1, staged: 2 },
          { partition: 0, staged: 1 },
        ]),
      });
      const batches = await tx.frames(two.path, frameOf(0, batchOf(['d', 'e'], tx.options())));
      expect(batches.json).toEqual({ topicId: two.topicId, partitions: [{ partition: 0, staged: 2 }] });
      expect([await read(one.path), await read(one.path, 1), await read(two.path)]).toEqual([[], [], []]);
      const ended = await tx.commit({ offsets: true });
      expect(ended.json).toMatchObject({ outcome: 'committed', next: tx.transaction + 1 });
      expect(ended.json.offsets).toEqual(
        expect.arrayContaining([
          { topicId: one.topicId, partition: 0, baseOffset: 0, records: 1 },
          { topicId: one.topicId, partition: 1, baseOffset: 0, records: 2 },
          { topicId: two.topicId, partition: 0, baseOffset: 0, records: 2 },
        ]),
      );
      expect((await tx.commit({ offsets: true })).json).toEqual(ended.json);
      expect([await read(one.path), await read(one.path, 1), await read(two.path)]).toEqual([
        ['c'],
        ['a', 'b'],
        ['d', 'e'],
      ]);
    });

    it('is committed to one partition in the order of staging, behind what was written meanwhile', async () => {
      const { path } = await ask.topic();
      const tx = await begin();
      for (const value of ['a', 'b', 'c', 'd', 'e', 'f']) await tx.produce(path, [{ value }]);
      await ask.json('POST', `${path}/records`, { records: [{ value: 'between' }] });
      await tx.commit();
      expect(await read(path)).toEqual(['between', 'a', 'b', 'c', 'd', 'e', 'f']);
    });

    // One step of the table takes up to 99 partitions. Beyond that, the commit is decided first and applied afterwards.
    it.each([60, 120])('shows records of %i partitions together', async (count) => {
      const { path } = await ask.topic(count);
      const tx = await begin();
      const partitions = Array.from({ length: count }, (_, partition) => partition);
      const batches = batchOf(['a'], tx.options());
      const frames = encodeProduceFrames(partitions.map((partition) => ({ partition, batches })));
      const staged = await tx.frames(path, frames);
      expect(staged.json.partitions).toEqual(partitions.map((partition) => ({ partition, staged: 1 })));
      const again = await tx.frames(path, frames);
      expect(again.json.partitions).toEqual(partitions.map((partition) => ({ partition, staged: 1, duplicate: true })));
      const next = tx.next(await tx.commit());
      await next.produce(path, [{ partition: 0, value: 'b' }]);
      await next.commit();
      expect([await read(path), await read(path, count - 1)]).toEqual([['a', 'b'], ['a']]);
    });

    it('takes a batch that is sent again once, and refuses a gap', async () => {
      const { path } = await ask.topic();
      const tx = await begin();
      const frame = (value: string, sequence: number) => frameOf(0, batchOf([value], tx.options(sequence)));
      await tx.frames(path, frame('a', 0));
      expect((await tx.frames(path, frame('a', 0))).json.partitions).toEqual([
        { partition: 0, staged: 1, duplicate: true },
      ]);
      const gap = await tx.frames(path, frame('c', 2));
      expect(gap.json.partitions[0].error).toMatchObject({
        errorCode: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
        outcome: 'not-written',
      });
      await tx.commit();
      expect(await read(path)).toEqual(['a']);
    });

    it('commits offsets of a group with the records, or neither', async () => {
      const { path, topic } = await ask.topic();
      const group = freshName();
      const dropped = await begin();
      await dropped.produce(path, [{ value: 'dropped' }]);
      expect((await dropped.offsets(group, offsetsOf(topic, 5))).json).toEqual({ staged: 1 });
      const kept = dropped.next(await dropped.abort());
      await kept.produce(path, [{ value: 'kept' }]);
      await kept.offsets(group, offsetsOf(topic, 7));
      expect([await committed(group, topic), await read(path)]).toEqual([-1, []]);
      await kept.commit();
      expect([await committed(group, topic), await read(path)]).toEqual([7, ['kept']]);
    });

    it('of a member that has lost its partition is aborted, with its records', async () => {
      const { path, topic } = await ask.topic();
      const group = freshName();
      const member = memberOfTopic(ask, group, topic);
      await settle(member);
      const tx = await begin();
      await tx.produce(path, [{ value: 'late' }]);
      const { memberId } = member;
      await tx.offsets(group, { ...offsetsOf(topic, 1), memberId, memberEpoch: member.epoch(), commitSeq: 1 });
      await member.leave();
      await settle(memberOfTopic(ask, group, topic));
      const refused = await tx.commit();
      expect(refused.json).toMatchObject({ status: 409, errorCode: 'INVALID_PRODUCER_EPOCH', outcome: 'not-written' });
      expect(await read(path)).toEqual([]);
      expect((await ask.get(pathOf(tx.id))).json).toMatchObject({ state: 'empty', last: { outcome: 'aborted' } });
    });

    it('of a topic that was deleted is aborted', async () => {
      const [kept, gone] = [await ask.topic(), await ask.topic()];
      const tx = await begin();
      await tx.produce(kept.path, [{ value: 'a' }]);
      await tx.produce(gone.path, [{ value: 'b' }]);
      await ask.json('DELETE', gone.path);
      expect((await tx.commit()).json).toMatchObject({
        errorCode: 'UNKNOWN_TOPIC_OR_PARTITION',
        outcome: 'not-written',
      });
      expect(await read(kept.path)).toEqual([]);
    });

    it('has an answer for each repeat of its end', async () => {
      const { path } = await ask.topic();
      const tx = await begin();
      await tx.produce(path, [{ value: 'a' }]);
      const first = await tx.commit();
      expect((await tx.commit()).json).toEqual(first.json);
      expect((await tx.abort()).json).toMatchObject({ errorCode: 'INVALID_TXN_STATE', status: 409 });
      const next = tx.next(first);
      const aborted = await next.abort();
      expect(aborted.json).toMatchObject({ outcome: 'aborted', next: next.transaction + 1 });
      expect((await next.abort()).json).toEqual(aborted.json);
      const refused = await next.commit();
      expect(refused.json).toMatchObject({ errorCode: 'INVALID_TXN_STATE', outcome: 'not-written' });
      expect(refused.json.detail).toMatch(/it was aborted$/);
      expect(await read(path)).toEqual(['a']);
    });

    it('of an earlier instance can do nothing any more', async () => {
      const { path, topic } = await ask.topic();
      const old = await begin();
      await old.produce(path, [{ value: 'zombie' }]);
      const now = await begin(old.id);
      expect(now.transaction).toBe(old.transaction + 1);
      for (const refused of [
        await old.produce(path, [{ value: 'more' }]),
        await old.frames(path, frameOf(0, batchOf(['more'], old.options()))),
        await old.offsets(freshName(), offsetsOf(topic, 1)),
        await old.commit(),
        await old.abort(),
      ])
        expect(refused.json).toMatchObject({ status: 409, errorCode: 'PRODUCER_FENCED', outcome: 'not-written' });
      await now.produce(path, [{ value: 'a' }]);
      await now.commit();
      expect(await read(path)).toEqual(['a']);
    });

    it('that is open for longer than its time-out is aborted', async () => {
      const { path } = await ask.topic();
      const tx = await begin(freshName(), { timeoutMs: 1 });
      await tx.produce(path, [{ value: 'late' }]);
      await new Promise((resolve) => setTimeout(resolve, 20));
      const refused = await tx.commit();
      expect(refused.json).toMatchObject({ status: 409, errorCode: 'INVALID_TXN_STATE', outcome: 'not-written' });
      expect(refused.json.detail).toMatch(/ of 1 ms$/);
      expect(await read(path)).toEqual([]);
    });

    it('of which nothing was staged commits and aborts', async () => {
      const tx = await begin();
      const ended = await tx.commit({ offsets: true });
      expect(ended.json).toMatchObject({ outcome: 'committed', offsets: [] });
      expect((await tx.next(ended).abort()).json).toMatchObject({ outcome: 'aborted' });
    });
  });

  describe('a transactional id', () => {
    it('is described, with its groups and how its last transaction ended', async () => {
      const { path, topic } = await ask.topic();
      const tx = await begin(freshName(), { timeoutMs: 900_000 });
      const state = async () => (await ask.get(pathOf(tx.id))).json;
      const fresh = { transactionalId: tx.id, state: 'empty', transaction: 1, batches: 0, groups: [], deadline: -1 };
      expect(await state()).toMatchObject({ ...fresh, timeoutMs: 900_000, producerId: tx.producerId });
      await tx.produce(path, [{ value: 'a' }]);
      await tx.offsets('readers', offsetsOf(topic, 1));
      const open = await state();
      expect(open).toMatchObject({ state: 'open', batches: 1, groups: ['readers'] });
      expect(open.deadline - open.lastUsed).toBeGreaterThan(800_000);
      await tx.abort();
      expect(await state()).toMatchObject({ state: 'empty', last: { transaction: 1, outcome: 'aborted' } });
    });

    it('can be aborted by force, which fences its instance', async () => {
      const { path } = await ask.topic();
      const tx = await begin();
      await tx.produce(path, [{ value: 'a' }]);
      const forced = await post(tx.id, 'force-abort');
      expect(forced.json).toMatchObject({ state: 'empty', transaction: 2, last: { outcome: 'aborted' } });
      expect((await tx.commit()).json).toMatchObject({ errorCode: 'PRODUCER_FENCED' });
      expect(await read(path)).toEqual([]);
    });

    it('is listed, page by page', async () => {
      const prefix = freshName();
      const ids = ['a', 'b', 'c'].map((name) => `${prefix}-${name}`);
      for (const id of ids) await begin(id);
      const page = async (after: string) => (await ask.get(`/v1/transactions?limit=2&after=${after}`)).json;
      const first = await page(`${prefix}-`);
      expect(first.transactions.map((one: { transactionalId: string }) => one.transactionalId)).toEqual(
        ids.slice(0, 2),
      );
      expect(first.nextAfter).toBe(ids[1]);
      expect((await page(first.nextAfter)).transactions[0]).toMatchObject({ transactionalId: ids[2], state: 'empty' });
    });

    it.each(['commit', 'abort'])('that nobody has initialized is refused: %s', async (what) => {
      const refused = await post(freshName(), what, { transaction: 1, token: 'A'.repeat(22) });
      expect(refused.json).toMatchObject({ status: 409, errorCode: 'PRODUCER_FENCED', outcome: 'not-written' });
    });

    it('that nobody has initialized cannot be described, nor aborted by force', async () => {
      const id = freshName();
      for (const refused of [await ask.get(pathOf(id)), await post(id, 'force-abort')]) {
        expect(refused.json).toMatchObject({ status: 404, errorCode: 'TRANSACTIONAL_ID_NOT_FOUND' });
        expect(refused.json.detail).not.toContain('initialize it again');
      }
    });

    it('does not tell a stranger whether it exists', async () => {
      const { path, topic } = await ask.topic();
      const answers = [freshName(), (await begin()).id].map(async (id) => {
        const header = { 'rivulet-transaction': `${id} 1 ${'A'.repeat(22)}` };
        const replies = [
          await ask.json('POST', `${path}/records`, { records: [{ value: 'a' }] }, header),
          await ask.json('POST', `/v1/groups/${freshName()}/offsets`, offsetsOf(topic, 1), header),
        ];
        return replies.map(({ json: { requestId: _, ...told } }) =>
          JSON.parse(JSON.stringify(told).replaceAll(id, 'ID')),
        );
      });
      const [missing, existing] = await Promise.all(answers);
      expect(missing).toEqual(existing);
      expect(missing).toMatchObject([{ errorCode: 'PRODUCER_FENCED' }, { errorCode: 'PRODUCER_FENCED' }]);
    });

    it('whose token has a slip is refused without the token', async () => {
      const { id } = await begin();
      for (const token of [`${'s3cret'.repeat(3)}=`, ['s3cret'], { s3cret: 1 }])
        for (const what of ['commit', 'abort']) {
          const { json } = await post(id, what, { transaction: 1, token });
          expect(json).toMatchObject({ status: 400, field: 'body.token' });
          expect(JSON.stringify(json)).not.toContain('s3cret');
        }
    });
  });

  describe('in a transaction is refused', () => {
    it('another token, and the number of a transaction that has not begun', async () => {
      const { path } = await ask.topic();
      const tx = await begin();
      const stranger = producerOf(tx.id, { ...tx, token: 'A'.repeat(22) });
      const early = producerOf(tx.id, { ...tx, transaction: 7 });
      for (const [producer, errorCode] of [
        [stranger, 'PRODUCER_FENCED'],
        [early, 'INVALID_TXN_STATE'],
      ] as const)
        for (const refused of [
          await producer.produce(path, [{ value: 'a' }]),
          await producer.commit(),
          await producer.abort(),
        ])
          expect(refused.json).toMatchObject({ status: 409, errorCode, outcome: 'not-written' });
      expect((await early.commit()).json.detail).toBe(`transaction: expected 1, the current one of ${tx.id}, got 7`);
      expect((await ask.get(pathOf(tx.id))).json).toMatchObject({ state: 'empty', transaction: 1 });
    });

    it.each([
      ['without a token', 'payments 1'],
      ['with two spaces', `payments  1 ${'A'.repeat(22)}`],
      ['with a leading zero', `payments 01 ${'A'.repeat(22)}`],
      ['with a short token', `payments 1 ${'A'.repeat(21)}`],
      ['with a slash in the id', `pay/ments 1 ${'A'.repeat(22)}`],
    ])('a header %s', async (_, header) => {
      const { path, topic } = await ask.topic();
      const headers = { 'rivulet-transaction': header };
      for (const refused of [
        await ask.json('POST', `${path}/records`, { records: [{ value: 'a' }] }, headers),
        await ask.frames(`${path}/records`, frameOf(0, batchOf(['a'])), headers),
        await ask.json('POST', `/v1/groups/${freshName()}/offsets`, offsetsOf(topic, 1), headers),
      ])
        expect(refused.json).toMatchObject({
          status: 400,
          field: 'header.Rivulet-Transaction',
          outcome: 'not-written',
        });
    });

    it('an expectedOffset and an Idempotency-Key', async () => {
      const { path } = await ask.topic();
      const tx = await begin();
      const toPartition = `${path}/partitions/0/records`;
      const offset = await ask.json('POST', toPartition, { expectedOffset: 0, records: [{ value: 'a' }] }, tx.header);
      expect(offset.json).toMatchObject({
        status: 400,
        detail: expect.stringMatching(/^expectedOffset: expected none/),
      });
      const frames = await ask.frames(
        `${toPartition}?expectedOffset=0`,
        frameOf(0, batchOf(['a'], tx.options())),
        tx.header,
      );
      expect(JSON.stringify(frames.json)).toMatch(/expectedOffset: expected none in a transaction/);
      const key = { ...tx.header, 'idempotency-key': 'k' };
      const keyed = await ask.json('POST', `${path}/records`, { records: [{ value: 'a' }] }, key);
      expect(keyed.json).toMatchObject({
        status: 400,
        detail: expect.stringMatching(/^Idempotency-Key: expected none/),
      });
    });

    it('a batch of another producer, and one that is not transactional', async () => {
      const { path } = await ask.topic(3);
      const tx = await begin();
      const options = tx.options();
      const frames = encodeProduceFrames([
        { partition: 0, batches: batchOf(['a'], { ...options, producerEpoch: options.producerEpoch + 1 }) },
        { partition: 1, batches: batchOf(['a'], { ...options, isTransactional: false }) },
        { partition: 2, batches: batchOf(['a'], options) },
      ]);
      const { partitions } = (await tx.frames(path, frames)).json;
      expect(partitions[0].error).toMatchObject({ errorCode: 'INVALID_PRODUCER_EPOCH', outcome: 'not-written' });
      expect(partitions[1].error).toMatchObject({ errorCode: 'INVALID_RECORD', outcome: 'not-written' });
      expect(partitions[2]).toEqual({ partition: 2, staged: 1 });
    });

    it('a transactional batch outside of one', async () => {
      const { path } = await ask.topic();
      const refused = await ask.frames(`${path}/records`, frameOf(0, batchOf(['a'], { isTransactional: true })));
      expect(refused.json.partitions[0].error).toMatchObject({ errorCode: 'INVALID_RECORD', outcome: 'not-written' });
    });

    it.each([0, 900_001, 1.5])('a time-out of %d', async (timeoutMs) => {
      const refused = await post(freshName(), 'init', { timeoutMs });
      expect(refused.json).toMatchObject({ status: 400, field: 'body.timeoutMs', outcome: 'not-written' });
      expect(refused.json.detail).toContain(String(timeoutMs));
    });

    it.each(['__transaction_state', 'a%2Fb', 'a b'])('the id %j', async (id) => {
      const refused = await post(encodeURI(id), 'init', {});
      expect(refused.json).toMatchObject({ status: 400, errorCode: 'INVALID_REQUEST', outcome: 'not-written' });
    });

    it('what its limits do not allow: offsets of too many items', async () => {
      const tx = await begin();
      const partitions = Array.from({ length: 99 }, (_, i) => ({ partition: 16 * i, offset: 1 }));
      const refused = await tx.offsets(freshName(), { topics: [{ topic: 'any', partitions }] });
      expect(refused.json).toMatchObject({ status: 400, errorCode: 'INVALID_REQUEST', outcome: 'not-written' });
      expect(refused.json.detail).toBe(
        'topics: expected offsets in at most 99 items of 16 partitions in a transaction, got 100',
      );
    });

    it('metadata of an offset that is too large', async () => {
      const tx = await begin();
      const partitions = [{ partition: 0, offset: 1, metadata: 'm'.repeat(4_097) }];
      const refused = await tx.offsets(freshName(), { topics: [{ topic: 'any', partitions }] });
      expect(refused.json).toMatchObject({ status: 400, errorCode: 'OFFSET_METADATA_TOO_LARGE' });
    });
  });
}
