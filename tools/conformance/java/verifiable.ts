// VerifiableProducer writes numbers, and three VerifiableConsumers of a group read them. One consumer is killed without notice in
// the middle, and one leaves in order. Every number that was acknowledged has to be read, in the order of its partition.
import { createTopic, type Program, startTool, until } from './program.ts';

const topic = 'verifiable';
const count = 60_000;

type Event = {
  readonly name: string;
  readonly value?: string;
  readonly partition?: number;
  readonly offset?: number;
};

const eventsOf = ({ lines }: Program, name: string): Event[] =>
  lines
    .filter((line) => line.includes(`"name":"${name}"`))
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as Event];
      } catch {
        // The last line of a process that was killed.
        return [];
      }
    });

const consumer = () =>
  startTool('VerifiableConsumer', '--topic', topic, '--group-id', 'readers', '--session-timeout', '10000', '--verbose');

await createTopic(topic, 6);
const producer = startTool(
  'VerifiableProducer',
  '--topic',
  topic,
  '--max-messages',
  String(count),
  '--throughput',
  '3000',
);
const consumers = [consumer(), consumer(), consumer()];
const read = () =>
  new Map(consumers.flatMap((each) => eventsOf(each, 'record_data')).map((event) => [event.value, event]));
await until('a quarter of the records is read', 120, () => read().size > count / 4);
consumers[1]!.child.kill('SIGKILL');
await until('half of the records is read', 120, () => read().size > count / 2);
consumers[2]!.child.kill('SIGTERM');
await producer.ended;
const acknowledged = eventsOf(producer, 'producer_send_success');
if (acknowledged.length !== count) throw new Error(`expected ${count} acknowledgements, got ${acknowledged.length}`);
await until('all acknowledged records are read', 120, () => {
  const seen = read();
  return acknowledged.every(({ value }) => seen.has(value));
});
const seen = read();
for (const { value, partition, offset } of acknowledged) {
  const record = seen.get(value)!;
  if (record.partition !== partition || record.offset !== offset)
    throw new Error(`${value}: expected at ${partition}/${offset}, got ${record.partition}/${record.offset}`);
}
const repeats = consumers.flatMap((each) => eventsOf(each, 'record_data')).length - seen.size;
console.log(`${seen.size} records, ${repeats} of them read again after the changes of the group`);
process.exit(0);
