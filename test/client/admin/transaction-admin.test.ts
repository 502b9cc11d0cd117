import { afterAll, beforeAll, expect, test } from 'vitest';
import { Rivulet } from '../../../client/rivulet.ts';
import { type Backend, startEmbedded } from '../embedded.ts';

let backend: Backend;
let rivulet: Rivulet;
beforeAll(async () => {
  backend = await startEmbedded();
  rivulet = new Rivulet({ url: backend.url, retry: { retries: 0 } });
});
afterAll(() => backend.close());

test('transactions are listed, however many pages they take, and described', async () => {
  const ids = Array.from({ length: 120 }, (_, i) => `page-${i.toString().padStart(3, '0')}`);
  for (const transactionalId of ids) await rivulet.producer({ transactionalId }).transaction();
  const listed = await rivulet.admin().listTransactions();
  expect(listed.map(({ transactionalId }) => transactionalId)).toEqual(ids);
  const described = await rivulet.admin().describeTransactions(['page-007', 'page-003']);
  expect(described).toMatchObject([
    { transactionalId: 'page-007', state: 'empty', transaction: 1, timeoutMs: 60_000, deadline: -1, batches: 0 },
    { transactionalId: 'page-003' },
  ]);
  await expect(rivulet.admin().describeTransactions(['nobody'])).rejects.toMatchObject({
    errorCode: 'TRANSACTIONAL_ID_NOT_FOUND',
    status: 404,
  });
});

test('an open transaction is aborted without its token, and its instance is fenced', async () => {
  const admin = rivulet.admin();
  await admin.createTopics({ topics: [{ topic: 't' }] });
  const transaction = await rivulet.producer({ transactionalId: 'left' }).transaction();
  await transaction.send({ topic: 't', messages: [{ value: 'a' }] });
  expect(await admin.describeTransactions(['left'])).toMatchObject([{ state: 'open', batches: 1 }]);
  expect(await admin.abortTransaction('left')).toMatchObject({
    state: 'empty',
    last: { transaction: 1, outcome: 'aborted' },
  });
  await expect(transaction.commit()).rejects.toMatchObject({ errorCode: 'PRODUCER_FENCED', outcome: 'not-written' });
  expect(await admin.fetchTopicOffsets('t')).toMatchObject([{ latest: 0 }]);
});
