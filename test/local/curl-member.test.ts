// This test runs the group member of docs/PROTOCOL.md, which uses nothing but curl, as the document prints it.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { Rivulet } from '../../client/rivulet.ts';
import { startEmbedded } from '../client/embedded.ts';
import { reasonToSkip } from './curl.ts';

const reason = await reasonToSkip();
if (reason !== undefined) console.warn(`SKIPPED: a group member by curl: ${reason}`);

test.skipIf(reason !== undefined)('the script of docs/PROTOCOL.md joins, reads, commits and leaves', async () => {
  const [, script] = /^```sh curl-member\n(.*?)^```/ms.exec(readFileSync('docs/PROTOCOL.md', 'utf8')) ?? [];
  const backend = await startEmbedded();
  try {
    const rivulet = new Rivulet({ url: backend.url });
    const admin = rivulet.admin();
    await admin.createTopics({ topics: [{ topic: 'events' }] });
    await rivulet.producer().send({ topic: 'events', messages: [{ value: 'hello' }] });
    const environment = { ...process.env, RIVULET_URL: backend.url };
    const { stdout, stderr } = await promisify(execFile)('sh', ['-eu', '-c', script!], { env: environment });
    expect(stderr).toBe('');
    expect(stdout).not.toContain('errorCode');
    expect(stdout).toContain('"value":"hello"');
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/"memberEpoch":-1,.*"assignment":\[\]/);
    const [group] = await admin.describeGroups(['tellers']);
    expect(group).toMatchObject({ state: 'Empty', members: 0 });
    expect(group!.partitionDetails).toMatchObject([{ topic: 'events', partition: 0, currentOffset: 1, lag: 0 }]);
  } finally {
    await backend.close();
  }
});
