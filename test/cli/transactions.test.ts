// `rivulet transactions`, and `produce --transactional-id`.
import { once } from 'node:events';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { Rivulet } from '../../client/rivulet.ts';
import { runHere } from './here.ts';
import { type Finished, launcher, newDirectory, type Service, start, startService } from './processes.ts';

let service: Service;
let client: Rivulet;
let names = 0;

beforeAll(async () => {
  service = await startService(newDirectory());
  client = new Rivulet({ url: service.url });
});

const rivulet = (args: readonly string[], input?: string): Promise<Finished> =>
  runHere(args, { environment: { RIVULET_URL: service.url }, ...(input !== undefined && { input }) });

async function newTopic(): Promise<string> {
  const topic = `topic-${++names}`;
  await client.admin().createTopics({ topics: [{ topic }] });
  return topic;
}

/** Leaves a transaction open. Returns its id. */
async function opened(topic: string): Promise<string> {
  const transactionalId = `open-${++names}`;
  const transaction = await client.producer({ transactionalId, transactionTimeoutMs: 900_000 }).transaction();
  await transaction.send({ topic, messages: [{ value: 'v' }] });
  await transaction.sendOffsets({ groupId: 'readers', topics: [{ topic, partitions: [{ partition: 0, offset: 1 }] }] });
  return transactionalId;
}

const rowOf = (table: string, id: string): string[] | undefined =>
  table
    .split('\n')
    .map((line) => line.split(/ {2,}/))
    .find(([first]) => first === id);

const untilStaged = (id: string) =>
  vi.waitFor(async () => expect(await client.admin().describeTransactions([id])).toMatchObject([{ batches: 1 }]), {
    timeout: 15_000,
  });

const latest = async (topic: string) => (await client.admin().fetchTopicOffsets(topic))[0]!.latest;

describe('transactions', () => {
  test('are listed while they are open, and those that are late as stuck', async () => {
    const topic = await newTopic();
    const open = await opened(topic);
    const late = await client.producer({ transactionalId: 'late', transactionTimeoutMs: 1 }).transaction();
    await late.send({ topic, messages: [{ value: 'v' }] });
    await client.producer({ transactionalId: 'idle' }).transaction();
    const { stdout } = await rivulet(['transactions', 'list']);
    const age = expect.stringMatching(/^\d+(\.\d)?s$/);
    expect(rowOf(stdout, open)).toMatchObject([open, 'open', age, '1', '1', 'readers']);
    expect(rowOf(stdout, 'late')).toMatchObject(['late', 'stuck', age, '1', '1', '-']);
    expect(rowOf(stdout, 'idle')).toBeUndefined();
    const all = await rivulet(['transactions', 'list', '--all']);
    expect(rowOf(all.stdout, 'idle')).toMatchObject(['idle', 'empty', age, '1', '0', '-']);
    const json = JSON.parse((await rivulet(['transactions', 'list', '--json'])).stdout);
    expect(json).toContainEqual(expect.objectContaining({ transactionalId: open, state: 'open', batches: 1 }));
  });

  test('are described and aborted, one after the other', async () => {
    const topic = await newTopic();
    const id = await opened(topic);
    const { stdout } = await rivulet(['transactions', 'describe', id]);
    const before = rowOf(stdout, id)!;
    expect(stdout).toMatch(new RegExp(`\\n${id} +${topic} +\\d +1 +1\\n$`));
    expect([before[1], before.at(-2), before.at(-1)]).toEqual(['open', '15m', '-']);
    const aborted = await rivulet(['transactions', 'abort', 'missing', id]);
    expect(aborted).toMatchObject({
      code: 1,
      stdout: `Transactional id ${id}: transaction 1 is aborted; its instance is fenced\n`,
      stderr: expect.stringMatching(/^rivulet: there is no transactional id missing.*TRANSACTIONAL_ID_NOT_FOUND\)\n$/),
    });
    expect((await rivulet(['transactions', 'abort', id])).stdout).toBe(
      `Transactional id ${id}: no transaction was open; its instance is fenced\n`,
    );
    const nope = await rivulet(['transactions', 'describe', 'NOPE']);
    expect(nope.stderr).toBe(
      'rivulet: there is no transactional id NOPE, or it was not used for seven days (TRANSACTIONAL_ID_NOT_FOUND)\n',
    );
    const after = rowOf((await rivulet(['transactions', 'describe', id])).stdout, id)!;
    expect([after[1], after.at(-1)]).toEqual(['empty', '2 aborted']);
    expect(await latest(topic)).toBe(0);
  });

  test('of a wrong name are refused before anything is sent', async () => {
    expect(await rivulet(['transactions', 'abort', 'a/b'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^rivulet: transactional id: "a\/b" may only have /),
    });
  });
});

describe('produce --transactional-id', () => {
  const produce = (topic: string, input: string, ...more: string[]) =>
    rivulet(['produce', topic, '--transactional-id', 'nightly', ...more], input);

  test('commits all lines at the end of the input', async () => {
    const topic = await newTopic();
    const { code, stderr } = await produce(topic, 'a\nb\nc\n');
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^3 records staged in .*; committed\n$/)]);
    expect(await latest(topic)).toBe(3);
  });

  test('writes no line if one is wrong', async () => {
    const topic = await newTopic();
    const { code, stderr } = await produce(topic, '{"value": "a"}\n{"value": \n', '--format', 'ndjson');
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^1 record staged in .*; aborted, so none is written\nrivulet: line 2: .*before it was staged/,
    );
    expect(await latest(topic)).toBe(0);
  });

  test('writes no line if a record is refused', async () => {
    const topic = await newTopic();
    const lines = '{"value": "a"}\n{"value": "b", "partition": 7}\n';
    const { code, stderr } = await produce(topic, lines, '--format', 'ndjson');
    expect([code, stderr]).toEqual([1, expect.stringContaining('; aborted, so none is written')]);
    expect(stderr).toMatch(/line 1 is the first that is not staged \(UNKNOWN_TOPIC_OR_PARTITION/);
    expect(await latest(topic)).toBe(0);
  });

  test.each(['', 'late\n'])(
    'says that nothing is written if an operator has aborted it (then comes %j)',
    async (rest) => {
      const topic = await newTopic();
      const id = `fenced-${++names}`;
      const producer = start(launcher, ['produce', topic, '--transactional-id', id, '--url', service.url]);
      producer.child.stdin!.write('early\n');
      await untilStaged(id);
      await client.admin().abortTransaction(id);
      producer.child.stdin!.end(rest);
      const { code, stderr } = await producer.finished;
      expect(stderr).toMatch(
        /^1 record staged.*; not committed, so none is written\nrivulet: .* operator .*\(PRODUCER_FENCED, not written\)\n$/,
      );
      expect(code).toBe(1);
      expect(await latest(topic)).toBe(0);
    },
  );

  test('aborts when a signal ends it', async () => {
    const topic = await newTopic();
    const args = ['produce', topic, '--transactional-id', 'signalled', '--url', service.url];
    const producer = start(launcher, args);
    producer.child.stdin!.write('whole\n');
    await untilStaged('signalled');
    producer.child.kill('SIGTERM');
    expect(await producer.finished).toMatchObject({
      code: 143,
      stderr: expect.stringMatching(/^1 record staged in .*; aborted, so none is written\n$/),
    });
    expect(await latest(topic)).toBe(0);
  });

  test('aborts when Ctrl-C ends the whole pipeline, and the end of the input comes before the signal', async () => {
    const topic = await newTopic();
    const producer = start(launcher, ['produce', topic, '--transactional-id', 'piped', '--url', service.url]);
    const { stdin } = producer.child;
    stdin!.write('half\n');
    await untilStaged('piped');
    stdin!.end();
    await once(stdin!, 'finish');
    producer.child.kill('SIGINT');
    expect(await producer.finished).toMatchObject({
      code: 130,
      stderr: expect.stringMatching(/^1 record staged in .*; aborted, so none is written\n$/),
    });
    expect(await latest(topic)).toBe(0);
  });
});

test.each(['read_committed', 'read_uncommitted'])(
  'consume --isolation-level %s reads what is committed',
  async (level) => {
    const topic = await newTopic();
    await opened(topic);
    await client.producer().send({ topic, messages: [{ value: 'plain' }] });
    const args = ['consume', topic, '--from-beginning', '--max-messages', '1', '--isolation-level', level];
    expect(await rivulet(args)).toMatchObject({ code: 0, stdout: 'plain\n' });
  },
);
