// Kafka Streams' word count, with its state in a changelog topic and words through a repartition topic. It is ended in the
// middle and started again with an empty disk: the counts go on from the changelog.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTopic, scratch, start, startTool, until } from './program.ts';

const [input, output] = ['streams-plaintext-input', 'streams-wordcount-output'];

function startStreams(run: number) {
  const config = join(scratch, `streams-${run}.properties`);
  const settings = {
    'bootstrap.servers': process.argv[2],
    'state.dir': join(scratch, `state-${run}`),
    'commit.interval.ms': 500,
    'statestore.cache.max.bytes': 0,
  };
  writeFileSync(
    config,
    Object.entries(settings)
      .map((pair) => pair.join('='))
      .join('\n'),
  );
  return start('org.apache.kafka.streams.examples.wordcount.WordCountDemo', config);
}

async function say(...lines: readonly string[]): Promise<void> {
  const producer = startTool('ConsoleProducer', '--topic', input);
  producer.child.stdin!.end(`${lines.join('\n')}\n`);
  await producer.ended;
}

await createTopic(input, 2);
await createTopic(output, 2, '--config', 'cleanup.policy=compact');
const deserializers = ['StringDeserializer', 'LongDeserializer'].map(
  (name) => `org.apache.kafka.common.serialization.${name}`,
);
const reader = startTool(
  ...(['consumer.ConsoleConsumer', '--topic', output, '--from-beginning'] as const),
  ...['--formatter-property', 'print.key=true'],
  ...['--formatter-property', `key.deserializer=${deserializers[0]}`],
  ...['--formatter-property', `value.deserializer=${deserializers[1]}`],
);
const has = (word: string, times: number) => () => reader.lines.includes(`${word}\t${times}`);

const first = startStreams(1);
await say('all streams lead to kafka', 'hello kafka streams');
await until('kafka was counted twice', 120, has('kafka', 2));
first.child.kill('SIGTERM');
await first.ended;
const second = startStreams(2);
await say('join kafka summit');
await until('kafka was counted three times', 120, has('kafka', 3));
await until('streams was counted twice', 10, has('streams', 2));
await until('summit, which another task may count, was counted', 30, has('summit', 1));
second.child.kill('SIGTERM');
await second.ended;
const last = new Map(reader.lines.map((line) => line.split('\t') as [string, string]));
const expected = { all: 1, streams: 2, lead: 1, to: 1, kafka: 3, hello: 1, join: 1, summit: 1 };
for (const [word, times] of Object.entries(expected))
  if (last.get(word) !== String(times)) throw new Error(`${word}: expected ${times}, got ${last.get(word)}`);
console.log(`${last.size} words`);
process.exit(0);
