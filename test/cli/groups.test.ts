import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { Rivulet } from '../../client/rivulet.ts';
import { openConnection } from '../../client/transport/connection.ts';
import { paths } from '../../client/transport/paths.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { runHere } from './here.ts';
import { type Finished, newDirectory, type Service, startService } from './processes.ts';

let service: Service;
let names = 0;

beforeAll(async () => {
  service = await startService(newDirectory());
});

const rivulet = (args: readonly string[]): Promise<Finished> =>
  runHere(['groups', ...args], { environment: { RIVULET_URL: service.url } });

async function ok(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await rivulet(args);
  expect(code, stderr).toBe(0);
  return stdout;
}

/** The cells of a printed table, without its headings. */
const cells = (table: string): string[][] =>
  table
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.split(/ {2,}/));

/** Makes a topic with ten records in each of two partitions, and a group at offset 4 of both. */
async function started() {
  const [topic, group] = [`topic-${++names}`, `group-${names}`];
  const client = new Rivulet({ url: service.url });
  await client.admin().createTopics({ topics: [{ topic, partitions: 2 }] });
  const messages = [0, 1].flatMap((partition) =>
    Array.from({ length: 10 }, (_, i) => ({ partition, value: 'v', timestamp: Date.UTC(2026, 0, 1, 0, i) })),
  );
  await client.producer().send({ topic, messages });
  const partitions = [0, 1].map((partition) => ({ partition, offset: 4 }));
  await client.admin().setOffsets({ groupId: group, topic, partitions });
  return { topic, group };
}

/** Joins as a member that does nothing else. Resolves with its id. */
async function join1(group: string, topic: string): Promise<string> {
  const connection = openConnection({
    url: new URL(service.url),
    region: 'us-east-1',
    credentials: async () => ({ accessKeyId: 'local', secretAccessKey: 'local' }),
    clientId: 'test',
    requestTimeoutMs: 10_000,
    clock: systemClock,
  });
  const memberId = `member-${++names}`;
  let memberEpoch = 0;
  for (let heartbeatSeq = 1; heartbeatSeq < 10; heartbeatSeq++) {
    const body = { memberId, memberEpoch, heartbeatSeq, clientId: 'teller', subscribedTopicNames: [topic] };
    const call = { method: 'POST', path: paths.heartbeat(group), body, writes: true } as const;
    const reply = await connection.ask<{ memberEpoch: number; assignment: readonly unknown[] }>(call);
    if (reply.assignment.length > 0) return memberId;
    memberEpoch = reply.memberEpoch;
  }
  throw new Error('the member got no partition');
}

describe('groups', () => {
  test('are listed with their states, and by their states', async () => {
    const { group, topic } = await started();
    expect((await ok(['list'])).split('\n')).toContain(group);
    await join1(`${group}-live`, topic);
    expect(cells(await ok(['list', '--state']))).toEqual(
      expect.arrayContaining([
        [group, 'Empty'],
        [`${group}-live`, 'Stable'],
      ]),
    );
    const empty = await ok(['list', '--state', 'empty', '--json']);
    const ids = (JSON.parse(empty) as { groupId: string }[]).map(({ groupId }) => groupId);
    expect(ids).toContain(group);
    expect(ids).not.toContain(`${group}-live`);
  });

  test('are described by their offsets, with dashes for a partition without an owner', async () => {
    const { group, topic } = await started();
    const { code, stdout, stderr } = await rivulet(['describe', group]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: `rivulet: note: group ${group} has no members\n` });
    expect(stdout.split('\n')[0]).toMatch(
      /^GROUP +TOPIC +PARTITION +CURRENT-OFFSET +LOG-END-OFFSET +LAG +TIME-LAG +CONSUMER-ID +HOST +CLIENT-ID$/,
    );
    const age = expect.stringMatching(/^\d+d(\d+h)?$/);
    expect(cells(stdout)).toEqual([
      [group, topic, '0', '4', '10', '6', age, '-', '-', '-'],
      [group, topic, '1', '4', '10', '6', age, '-', '-', '-'],
    ]);
  });

  test('are described by their members and their state', async () => {
    const { group, topic } = await started();
    const member = await join1(group, topic);
    const [row] = cells(await ok(['describe', group, '--members']));
    expect(row).toEqual([group, member, '-', '127.0.0.1', 'teller', '2']);
    const verbose = await ok(['describe', group, '--members', '--verbose']);
    expect(verbose).toMatch(new RegExp(`2 +\\d+ +${topic}\\(0,1\\) +${topic}\\(0,1\\) +-\n`));
    expect(cells(await ok(['describe', '--group', group]))[0]).toEqual(
      expect.arrayContaining([member, '127.0.0.1', 'teller']),
    );
    const state = cells(await ok(['describe', group, '--state']))[0]!;
    expect([state[0], state[1], state[2], state.at(-1)]).toEqual([group, 'uniform', 'Stable', '1']);
    const all = JSON.parse(await ok(['describe', '--all-groups', '--json'])) as { groupId: string }[];
    expect(all.map(({ groupId }) => groupId)).toContain(group);
  });

  test('are deleted only without members, and a missing group may be tolerated', async () => {
    const [{ group, topic }, other] = [await started(), await started()];
    expect(await ok(['delete', group, other.group])).toBe(`Group ${group}: deleted\nGroup ${other.group}: deleted\n`);
    expect(await rivulet(['describe', group])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^rivulet: .*\(GROUP_ID_NOT_FOUND\)\n$/),
    });
    expect(await ok(['delete', group, '--if-exists'])).toBe('');
    for (const args of [
      ['describe', 'bad name'],
      ['delete', group, 'bad name'],
    ])
      expect(await rivulet(args)).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringMatching(
          /^rivulet: group id "bad name" may only have .*\(INVALID_GROUP_ID, not written\)\n$/,
        ),
      });
    await join1(group, topic);
    const free = await started();
    expect(await rivulet(['delete', 'nosuch', group, free.group])).toMatchObject({
      code: 1,
      stdout: `Group ${free.group}: deleted\n`,
      stderr: expect.stringMatching(
        /^rivulet: .*no group nosuch .*\nrivulet: .*session is over.*\(NON_EMPTY_GROUP, not written\)\n$/,
      ),
    });
  });
});

describe('reset-offsets', () => {
  const dry = 'rivulet: note: nothing was changed: add --execute to set the offsets\n';

  test('shows the new offsets, and sets them with --execute', async () => {
    const { group, topic } = await started();
    const shown = await rivulet(['reset-offsets', group, '--topic', topic, '--to-earliest']);
    expect(shown).toMatchObject({ code: 0, stderr: dry });
    expect(shown.stdout.split('\n')[0]).toMatch(/^GROUP +TOPIC +PARTITION +CURRENT-OFFSET +NEW-OFFSET$/);
    expect(cells(shown.stdout)).toEqual([0, 1].map((partition) => [group, topic, `${partition}`, '4', '0']));
    const done = await rivulet(['reset-offsets', group, '--topic', `${topic}:1`, '--to-latest', '--execute']);
    expect(done).toMatchObject({ code: 0, stderr: '' });
    const json = JSON.parse(await ok(['describe', group, '--json']));
    expect(json.partitionDetails).toMatchObject([{ currentOffset: 4 }, { currentOffset: 10 }]);
  });

  test.each([
    [['--to-offset', '7'], '7'],
    [['--to-current'], '4'],
    [['--shift-by', '-3'], '1'],
    [['--shift-by', '2'], '6'],
    [['--to-datetime', '2026-01-01T00:03:30'], '4'],
    [['--by-duration', 'PT0S'], '10'],
  ])('goes %s', async (where, offset) => {
    const { group } = await started();
    const shown = cells(await ok(['reset-offsets', '--group', group, '--all-topics', ...where]));
    expect(shown.map((row) => row[4])).toEqual([offset, offset]);
  });

  test('says that it makes a group, and that an offset does not exist', async () => {
    const { topic } = await started();
    const where = ['reset-offsets', `new-${topic}`, '--topic', `${topic}:0`, '--to-offset', '99'];
    const beyond = `rivulet: note: ${topic} partition 0 has no offset 99; 10 is the nearest\n`;
    const there = `there is no group new-${topic}: --execute creates it`;
    expect((await rivulet(where)).stderr).toBe(`${beyond}rivulet: note: ${there}\n${dry}`);
    const made = `rivulet: note: group new-${topic} did not exist and is now created\n`;
    expect((await rivulet([...where, '--execute'])).stderr).toBe(beyond + made);
    expect((await rivulet([...where, '--execute'])).stderr).toBe(beyond);
  });

  test('writes a file that it can read again', async () => {
    const { group, topic } = await started();
    const file = join(newDirectory(), 'offsets.csv');
    writeFileSync(file, await ok(['reset-offsets', group, '--all-topics', '--to-current', '--export']));
    expect((await rivulet(['reset-offsets', group, '--all-topics', '--to-current', '--export'])).stderr).toBe('');
    expect(readFileSync(file, 'utf8')).toBe(`${topic},0,4\n${topic},1,4\n`);
    writeFileSync(file, `${topic},1,9\n`);
    expect(cells(await ok(['reset-offsets', group, '--from-file', file, '--execute']))).toEqual([
      [group, topic, '1', '4', '9'],
    ]);
    const missing = await rivulet(['reset-offsets', group, '--from-file', join(newDirectory(), 'none')]);
    expect(missing).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^rivulet: --from-file ".*none": there is no such file\n$/),
    });
  });

  test('is refused while members are active', async () => {
    const { group, topic } = await started();
    await join1(group, topic);
    const refused = await rivulet(['reset-offsets', group, '--topic', topic, '--to-earliest', '--execute']);
    expect(refused).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^rivulet: .*members?.*\(NON_EMPTY_GROUP, not written\)\n$/),
    });
  });
});

test('delete-offsets deletes the offsets of a topic or of some of its partitions', async () => {
  const { group, topic } = await started();
  expect(cells(await ok(['delete-offsets', group, '--topic', `${topic}:1`]))).toEqual([[topic, '1', 'deleted']]);
  const { partitionDetails } = JSON.parse(await ok(['describe', group, '--json']));
  expect(partitionDetails).toMatchObject([{ partition: 0, currentOffset: 4 }]);
  await ok(['delete-offsets', group, '--topic', topic]);
  expect(await rivulet(['delete-offsets', group, '--topic', topic])).toMatchObject({
    code: 0,
    stderr: `rivulet: note: group ${group} has no offsets of these topics\n`,
  });
  expect((await rivulet(['describe', group])).stderr).toContain('has no partitions and no offsets\n');
  await join1(group, topic);
  expect(await rivulet(['delete-offsets', group, '--topic', topic])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/\(GROUP_SUBSCRIBED_TO_TOPIC, not written\)\n$/),
  });
});
