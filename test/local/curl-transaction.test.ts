// This test runs the transaction of docs/PROTOCOL.md, which uses nothing but curl, as the document prints it.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { Rivulet } from '../../client/rivulet.ts';
import { startEmbedded } from '../client/embedded.ts';
import { reasonToSkip } from './curl.ts';

const reason = await reasonToSkip();
if (reason !== undefined) console.warn(`SKIPPED: a transaction by curl: ${reason}`);

test.skipIf(reason !== undefined)('the script of docs/PROTOCOL.md shows nothing, and then everything', async () => {
  const [, script] = /^```sh curl-transaction\n(.*?)^```/ms.exec(readFileSync('docs/PROTOCOL.md', 'utf8')) ?? [];
  const backend = await startEmbedded();
  try {
    const admin = new Rivulet({ url: backend.url }).admin();
    await admin.createTopics({ topics: ['payments', 'debits', 'credits'].map((topic) => ({ topic })) });
    const environment = { ...process.env, RIVULET_URL: backend.url };
    const { stdout, stderr } = await promisify(execFile)('sh', ['-eu', '-c', script!], { env: environment });
    expect(stderr).toBe('');
    const [debit, credit, offsets, before, commit, after] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    for (const staged of [debit, credit]) expect(staged.partitions).toEqual([{ partition: 0, staged: 1 }]);
    expect(offsets).toEqual({ staged: 1 });
    expect(before).toMatchObject({ highWatermark: 0, records: [] });
    expect(commit).toMatchObject({ outcome: 'committed', offsets: [{ records: 1 }, { records: 1 }] });
    expect(after.records).toMatchObject([{ offset: 0, key: 'ada' }]);
    const [committed] = await admin.fetchOffsets({ groupId: 'tellers', topics: [{ topic: 'payments' }] });
    expect(committed!.partitions).toMatchObject([{ partition: 0, offset: 1 }]);
  } finally {
    await backend.close();
  }
});
