// Two copiers of Kafka's own take records from one partition each to another topic, together with their offsets, in transactions
// of which some are aborted. The copy has each record once.
import { address, createTopic, start, startTool, until } from './program.ts';

const [input, output] = ['copier-input', 'copier-output'];
const count = 4_000;

await createTopic(input, 2);
await createTopic(output, 2);
await startTool('VerifiableProducer', '--topic', input, '--max-messages', String(count), '--throughput', '2000').ended;

const copier = (partition: number) =>
  start(
    'org.apache.kafka.tools.TransactionalMessageCopier',
    ...['--broker-list', address, '--input-topic', input, '--input-partition', String(partition)],
    ...['--output-topic', output, '--transactional-id', `copier-${partition}`, '--transaction-size', '50'],
    ...['--consumer-group', `copiers-${partition}`, '--use-group-metadata', '--enable-random-aborts'],
  );
const copiers = [copier(0), copier(1)];
await Promise.all(copiers.map(({ ended }) => ended));

const reader = startTool(
  ...(['consumer.ConsoleConsumer', '--topic', output, '--from-beginning'] as const),
  ...['--command-property', 'isolation.level=read_committed'],
);
const seen = () => new Set(reader.lines);
await until('all records are in the copy', 120, () => seen().size === count);
if (reader.lines.length > count) throw new Error(`expected ${count} records, got ${reader.lines.length}`);
console.log(`${count} records, each once`);
process.exit(0);
