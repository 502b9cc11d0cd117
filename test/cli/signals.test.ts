// A signal ends a command from outside. Every command ends in order, whichever signal it is, and through the launcher
// too.
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { Rivulet } from '../../client/rivulet.ts';
import { signedFetch } from '../local/wire.ts';
import { launcher, newDirectory, oldLauncher, type Running, type Service, start, startService } from './processes.ts';

let service: Service;
let rivulet: Rivulet;

beforeAll(async () => {
  service = await startService(newDirectory());
  rivulet = new Rivulet({ url: service.url });
});

const both = [
  ['the launcher', launcher],
  ['the launcher of an old Node', oldLauncher],
] as const;

async function newTopic(): Promise<string> {
  const topic = `topic-${Math.random()}`;
  await rivulet.admin().createTopics({ topics: [{ topic, partitions: 1 }] });
  return topic;
}

async function write(topic: string, value: string): Promise<void> {
  const producer = rivulet.producer();
  await producer.send({ topic, messages: [{ value }] });
  await producer.disconnect();
}

/** Resolves once the topic has one record. */
const written = (client: Rivulet, topic: string): Promise<void> =>
  vi.waitFor(async () => expect(await client.admin().fetchTopicOffsets(topic)).toMatchObject([{ latest: 1 }]), {
    timeout: 15_000,
  });

describe.concurrent('produce sends the lines that it has read, and says how many records were acknowledged', () => {
  test.each([
    ['SIGHUP', 129, launcher],
    ['SIGTERM', 143, launcher],
    ['SIGHUP', 129, oldLauncher],
    ['SIGTERM', 143, oldLauncher],
    ['SIGINT', 130, oldLauncher],
  ] as const)('%s, %d, %s', async (signal, code, script) => {
    const topic = await newTopic();
    const producer = start(script, ['produce', topic, '--url', service.url]);
    producer.child.stdin!.write('whole\nbegun');
    await written(rivulet, topic);
    producer.child.kill(signal);
    const ended = { code, stderr: expect.stringMatching(/^1 record acknowledged in [^\n]*\n$/) };
    expect(await producer.finished).toMatchObject(ended);
  });

  test('and, after a second signal, how many may have been written', async () => {
    const data = newDirectory();
    const gone = await startService(data);
    const client = new Rivulet({ url: gone.url });
    await client.admin().createTopics({ topics: [{ topic: 't', partitions: 1 }] });
    const producer = start(launcher, ['produce', 't', '--url', gone.url]);
    producer.child.stdin!.write('first\n');
    await written(client, 't');
    await gone.stop('SIGKILL');
    producer.child.stdin!.write('second\nthird\n');
    await sleep(300);
    const pressing = setInterval(() => producer.child.kill('SIGTERM'), 200);
    const { code, stderr } = await producer.finished;
    clearInterval(pressing);
    expect(stderr).toMatch(/^1 record acknowledged, 2 that may have been written in [^\n]*\n$/);
    expect(code).toBe(143);
  });
});

describe.concurrent('a terminal that is closed', () => {
  test.each(both)('makes a member of a group commit the printed records, and leave: %s', async (_, script) => {
    const topic = await newTopic();
    await write(topic, 'v');
    const flags = ['--group', topic, '--from-beginning', '--consumer-property', 'auto.commit.interval.ms=600000'];
    const member = start(script, ['consume', topic, ...flags, '--url', service.url]);
    await member.until(/^v\n$/);
    member.child.kill('SIGHUP');
    expect(await member.finished).toMatchObject({ code: 129, stderr: expect.stringMatching(/total of 1 messages\n$/) });
    const [described] = await rivulet.admin().describeGroups([topic]);
    expect(described).toMatchObject({ members: 0, partitionDetails: [{ currentOffset: 1 }] });
  });

  test.each(both)('makes the service answer the requests under way: %s', async (_, script) => {
    const own = await startService(newDirectory(), { script });
    const ended = { code: 0, stdout: expect.stringMatching(/Finishing .*\nStopped\.\n$/), stderr: '' };
    expect(await own.stop('SIGHUP')).toMatchObject(ended);
  });

  test('or whose reader has gone does not keep the service from finishing', async () => {
    const own = await startService(newDirectory());
    await new Rivulet({ url: own.url }).admin().createTopics({ topics: [{ topic: 't', partitions: 1 }] });
    own.child.stdout!.destroy();
    const body = JSON.stringify({ partitions: [{ partition: 0, offset: 0 }], waitMs: 20_000 });
    const headers = { 'content-type': 'application/json' };
    const poll = signedFetch(own.url, { method: 'POST', path: '/v1/topics/t/fetch', headers, body });
    await sleep(500);
    const stopping = own.stop('SIGTERM');
    expect((await poll).status).toBe(200);
    expect(await stopping).toMatchObject({ code: 0, stderr: '' });
  });
});

/** The signal goes to the whole process group, as it does from a terminal. */
const pressCtrlC = ({ child }: Running): boolean => process.kill(-child.pid!, 'SIGINT');

test('Ctrl-C reaches the command and the launcher, and counts once', async () => {
  const topic = await newTopic();
  await write(topic, 'v');
  const flags = ['--group', topic, '--from-beginning', '--url', service.url];
  const member = start(oldLauncher, ['consume', topic, ...flags], {}, true);
  await member.until(/^v\n$/);
  pressCtrlC(member);
  expect(await member.finished).toMatchObject({ code: 130, stderr: expect.stringMatching(/total of 1 messages\n$/) });
  expect(await rivulet.admin().describeGroups([topic])).toMatchObject([{ members: 0 }]);
});

test('SIGQUIT ends the command with its launcher, and waits for nothing', async () => {
  const own = await startService(newDirectory(), { script: oldLauncher });
  own.child.kill('SIGQUIT');
  expect((await own.finished).code).toBe(null);
  expect(own.child.signalCode).toBe('SIGQUIT');
  await expect(fetch(`${own.url}/v1/health`)).rejects.toThrow();
});
