// A group runs in several terminals: processes of the real command line, which are killed and interrupted. The tests run at the
// same time, because they mostly wait for sessions and heartbeats.
import { beforeAll, expect, test, vi } from 'vitest';
import { Rivulet } from '../../client/rivulet.ts';
import { eventually } from '../eventually.ts';
import { main, newDirectory, type Running, run, type Service, start, startService } from './processes.ts';

// They share the processor with each other, and with other files.
vi.setConfig({ testTimeout: 120_000 });

let service: Service;
let rivulet: Rivulet;

beforeAll(async () => {
  service = await startService(newDirectory());
  rivulet = new Rivulet({ url: service.url });
});

const fastHeartbeat = ['--consumer-property', 'heartbeat.interval.ms=500'];
/** Only for the test that waits for its end: a busy machine must not end the sessions of the others. */
const shortSession = ['--consumer-property', 'session.timeout.ms=6000'];

/** Starts the script that the launcher would start, so that a kill meets the member itself. */
function member(topic: string, ...more: string[]): Running {
  const flags = ['--group', `of-${topic}`, '--from-beginning', ...fastHeartbeat, '--url', service.url];
  return start(main, ['consume', topic, ...flags, ...more]);
}

async function write(topic: string, values: readonly string[], partitions: number): Promise<void> {
  const producer = rivulet.producer();
  await producer.send({ topic, messages: values.map((value, at) => ({ value, partition: at % partitions })) });
  await producer.disconnect();
}

const linesOf = (...terminals: Running[]) =>
  terminals.flatMap((terminal) =>
    terminal
      .stdout()
      .split('\n')
      .filter((line) => line !== ''),
  );
const valuesOf = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}-${i}`);

/** The number of partitions that a terminal reports as its own. */
function owned(terminal: Running): number {
  const numbers = new Set<number>();
  for (const [, what, ranges] of terminal.stderr().matchAll(/^rivulet: (assigned|revoked|lost) \S+ ([\d,-]+)/gm))
    for (const range of ranges!.split(',')) {
      const [from, to = from] = range.split('-').map(Number);
      for (let at = from!; at <= to!; at++)
        if (what === 'assigned') numbers.add(at);
        else numbers.delete(at);
    }
  return numbers.size;
}

test.concurrent('three terminals share the partitions; one leaves and one is killed, and the third continues where they were', async () => {
  const topic = 'shared';
  await rivulet.admin().createTopics({ topics: [{ topic, partitions: 6 }] });
  const join = () => member(topic, ...shortSession);
  const terminals = [join(), join(), join()] as const;
  const [one, two, three] = terminals;
  await eventually(() => expect(terminals.map(owned)).toEqual([2, 2, 2]));

  await write(topic, valuesOf('first', 60), 6);
  await eventually(() => expect(linesOf(...terminals).sort()).toEqual(valuesOf('first', 60).sort()));
  for (const terminal of terminals) expect(linesOf(terminal)).toHaveLength(20);

  one.child.kill('SIGINT');
  expect(await one.finished).toMatchObject({
    code: 130,
    stderr: expect.stringMatching(/^rivulet: revoked shared [\d,-]+\nProcessed a total of 20 messages\n$/m),
  });
  await eventually(() => expect([two, three].map(owned)).toEqual([3, 3]));

  two.child.kill('SIGKILL');
  await two.finished;
  await write(topic, valuesOf('second', 60), 6);
  await eventually(() => expect(owned(three)).toBe(6));
  // Records that the killed terminal had printed and not committed come again.
  const all = () => [...new Set(linesOf(...terminals))].sort();
  await eventually(() => expect(all()).toEqual([...valuesOf('first', 60), ...valuesOf('second', 60)].sort()));
  three.child.kill('SIGINT');
  await three.finished;
});

test.concurrent('a member that stops after some messages has committed those, and the next one continues after them', async () => {
  const topic = 'by-and-by';
  await rivulet.admin().createTopics({ topics: [{ topic, partitions: 1 }] });
  await write(topic, valuesOf('v', 10), 1);
  expect((await member(topic, '--max-messages', '4').finished).stdout).toBe('v-0\nv-1\nv-2\nv-3\n');
  expect((await member(topic, '--max-messages', '6').finished).stdout).toBe('v-4\nv-5\nv-6\nv-7\nv-8\nv-9\n');
});

test.concurrent('a member whose output is closed commits the records that were read, and leaves', async () => {
  const topic = 'enough';
  await rivulet.admin().createTopics({ topics: [{ topic, partitions: 1 }] });
  await write(topic, valuesOf('v', 3), 1);
  const terminal = member(topic);
  await terminal.until(/^v-0\nv-1\nv-2\n$/);
  terminal.child.stdout!.destroy();
  await write(topic, ['unread'], 1);
  expect(await terminal.finished).toMatchObject({ code: 0, stderr: expect.not.stringContaining('total of') });
  const [described] = await rivulet.admin().describeGroups([`of-${topic}`]);
  expect(described).toMatchObject({ members: 0, partitionDetails: [{ currentOffset: 3, logEndOffset: 4 }] });
});

test.concurrent('a member that joins prints its member id, and a member that waits prints the reason', async () => {
  const topic = 'one-for-two';
  await rivulet.admin().createTopics({ topics: [{ topic, partitions: 1 }] });
  const has = member(topic, ...['group.instance.id=one', 'client.id=till'].flatMap((p) => ['--consumer-property', p]));
  await eventually(() => expect(owned(has)).toBe(1));
  const [, memberId] = /^rivulet: joined group of-one-for-two as member (\S+)$/m.exec(has.stderr())!;
  const [described] = await rivulet.admin().describeGroups([`of-${topic}`]);
  expect(described!.memberDetails).toMatchObject([{ memberId, clientId: 'till', instanceId: 'one' }]);

  const [second, third] = [member(topic), member(topic, '--consumer-property', 'group.instance.id=one')];
  const nothing = `rivulet: no partitions of ${topic} yet: other members of of-${topic} have them\n`;
  await eventually(() => expect(second.stderr()).toMatch(new RegExp(`^rivulet: joined group .*\n${nothing}$`)));
  await eventually(() =>
    expect(third.stderr()).toMatch(/^rivulet: instance id one is in use by another member of .*\n$/),
  );
  for (const terminal of [has, second, third]) terminal.child.kill('SIGINT');
  await Promise.all([has, second, third].map(({ finished }) => finished));
});

test.concurrent('a member that cannot commit and leave, because the service is gone, says so', async () => {
  const data = newDirectory();
  const gone = await startService(data, { script: main });
  const client = new Rivulet({ url: gone.url });
  await client.admin().createTopics({ topics: [{ topic: 't', partitions: 1 }] });
  await client.producer().send({ topic: 't', messages: [{ value: 'v' }] });
  const flags = ['--group', 'g', '--from-beginning', '--consumer-property', 'auto.commit.interval.ms=600000'];
  const terminal = start(main, ['consume', 't', ...flags, '--url', gone.url]);
  await terminal.until(/^v\n$/);
  await gone.stop('SIGKILL');
  terminal.child.kill('SIGINT');
  const { code, stderr } = await terminal.finished;
  expect(code).toBe(130);
  expect(stderr).toMatch(
    /^rivulet: the last offsets were not committed, so records printed since then will be printed again: .+$/m,
  );
  expect(stderr).toMatch(/^rivulet: could not leave group g, so its partitions wait until the session is over: .+$/m);
});

test.concurrent('a topic that does not exist is an error, and the member does not wait for it', async () => {
  const missing = await run(['consume', 'nowhere', '--group', 'g'], { environment: { RIVULET_URL: service.url } });
  expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('UNKNOWN_TOPIC_OR_PARTITION') });
});

test.concurrent('a group that has committed beyond the end of the log goes back to the records that a terminal printed', async () => {
  const topic = 'restored';
  await rivulet.admin().createTopics({ topics: [{ topic, partitions: 1 }] });
  await write(topic, valuesOf('old', 10), 1);
  await rivulet.consumer({ groupId: `of-${topic}` }).commit([{ topic, partition: 0, offset: 20 }]);
  const first = member(topic);
  await eventually(() => expect(linesOf(first)).toEqual(valuesOf('old', 10)));
  first.child.kill('SIGINT');
  expect((await first.finished).code).toBe(130);
  await write(topic, valuesOf('new', 15), 1);
  const next = member(topic, '--max-messages', '15');
  await next.finished;
  expect(linesOf(next)).toEqual(valuesOf('new', 15));
});
