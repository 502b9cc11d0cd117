// The bench commands measure a service with the flags and the output of kafka-producer-perf-test.sh and
// kafka-consumer-perf-test.sh.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { RivuletClientError } from '../client/client-error.ts';
import type { Consumer } from '../client/consumer/consumer.ts';
import type { Producer } from '../client/producer/producer.ts';
import { connect } from './connect.ts';
import { textOf } from './files.ts';
import { consumerSettings, made, producerSettings } from './kafka-properties.ts';
import { keyValue, notEmpty, type Properties, topicOf, topicOption, wholeNumber } from './options.ts';
import { printLine } from './output.ts';

const bytesPerMb = 1024 * 1024;

export function addBench(rivulet: Command): void {
  const bench = rivulet.command('bench').description('measure how quickly records go in and come out');
  addProduce(bench);
  addConsume(bench);
  bench.addHelpText(
    'after',
    '\nExamples:\n  rivulet bench produce orders --num-records 100000 --record-size 1024\n  rivulet bench consume orders --messages 100000',
  );
}

// --- produce

const produceHelp = `
A line comes every 5 s, and one at the end with percentiles. The latency of a record is the time from its send until its
acknowledgement. The records stay in the topic.

Examples:
  rivulet bench produce orders --num-records 100000 --record-size 1024
  rivulet bench produce orders --num-records 6000 --record-size 100 --throughput 1000
  rivulet bench produce orders --num-records 50000 --payload-file lines.txt --producer-property linger.ms=20`;

function addProduce(bench: Command): void {
  bench
    .command('produce')
    .description('send records as quickly as possible, or at a rate')
    .argument('[topic]')
    .addOption(topicOption())
    .addOption(new Option('--num-records <count>', 'how many to send').argParser(wholeNumber(1)).makeOptionMandatory())
    .addOption(new Option('--record-size <bytes>', 'bytes of each value').argParser(wholeNumber(1)).default(1024))
    .addOption(
      new Option('--payload-file <path>', 'take the values from the lines of this file').conflicts('recordSize'),
    )
    .option('--throughput <records>', 'the most records a second; -1 for no limit', rate, -1)
    .addOption(
      new Option('--compression-codec <codec>', 'how to compress the batches')
        .choices(['none', 'gzip', 'snappy', 'lz4', 'zstd'])
        .default('none'),
    )
    .option(
      '--producer-property, --producer-props <name=value>',
      "set a property of Kafka's producer; repeatable",
      keyValue,
    )
    .addHelpText('after', produceHelp)
    .action(benchProduce);
}

function rate(text: string): number {
  if (text === '-1' || /^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a number of records a second, or -1 for no limit.');
}

type ProduceOptions = {
  numRecords: number;
  recordSize: number;
  payloadFile?: string;
  throughput: number;
  compressionCodec: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
  producerProps?: Properties;
};

/** Enough sends under way to fill batches. More would only take memory. */
const maxUnderWay = 20_000;

async function benchProduce(positional: string | undefined, options: ProduceOptions, command: Command): Promise<void> {
  const topic = topicOf(command, positional);
  const payloads = await payloadsOf(options);
  const { compressionCodec: compression, producerProps } = options;
  const settings = producerSettings(command, producerProps);
  const rivulet = await connect(command, {}, settings.connection);
  const lost: RivuletClientError[] = [];
  const onSendError = (error: RivuletClientError): void => void lost.push(error);
  const all = { compression, ...settings.options, onSendError };
  const producer = made(command, '--producer-property', () => rivulet.producer(all));
  // With this lookup a wrong topic fails immediately.
  await producer.partitionsFor(topic);
  const latencies = createLatencies();
  const reporting = setInterval(() => printLine(latencies.window()), 5_000);
  try {
    await sendAll(producer, topic, payloads, options, latencies);
  } finally {
    clearInterval(reporting);
    await producer.disconnect();
  }
  printLine(latencies.total());
  if (lost[0]) throw lost[0];
}

/** Random values would not compress, and equal ones would compress to nothing: the values are random letters, as Kafka's are. */
async function payloadsOf({ payloadFile, recordSize }: ProduceOptions): Promise<readonly Buffer[]> {
  if (payloadFile === undefined) return [Buffer.from(Array.from({ length: recordSize }, randomLetter))];
  const lines = (await textOf('--payload-file', payloadFile)).split(/\r?\n/).filter((line) => line !== '');
  if (lines.length === 0) throw new Error(`--payload-file ${payloadFile}: expected lines, got none`);
  return lines.map((line) => Buffer.from(line));
}

const randomLetter = (): number => 65 + Math.floor(Math.random() * 26);

async function sendAll(
  producer: Producer,
  topic: string,
  payloads: readonly Buffer[],
  { numRecords, throughput }: ProduceOptions,
  latencies: Latencies,
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  const startedMs = performance.now();
  for (let sent = 0; sent < numRecords; sent++) {
    const value = payloads[sent % payloads.length]!;
    const sentMs = performance.now();
    const send: Promise<void> = producer.send({ topic, messages: [{ value }] }).then(() => {
      latencies.add(performance.now() - sentMs, value.length);
      underWay.delete(send);
    });
    underWay.add(send);
    if (underWay.size >= maxUnderWay) await Promise.race(underWay);
    const aheadMs = throughput < 0 ? 0 : (1_000 * (sent + 1)) / throughput - (performance.now() - startedMs);
    if (aheadMs > 1) await sleep(aheadMs);
  }
  await Promise.all(underWay);
}

type Latencies = ReturnType<typeof createLatencies>;

function createLatencies() {
  const startedMs = performance.now();
  const all: number[] = [];
  let bytes = 0;
  let last = { records: 0, bytes: 0, atMs: startedMs };

  const line = (latencies: readonly number[], of: number, ms: number): string => {
    const sum = latencies.reduce((total, one) => total + one, 0);
    const most = latencies.reduce((greatest, one) => Math.max(greatest, one), 0);
    const [records, mb] = [(latencies.length * 1_000) / ms, (of * 1_000) / ms / bytesPerMb];
    const average = latencies.length === 0 ? 0 : sum / latencies.length;
    return `${latencies.length} records sent, ${records.toFixed(1)} records/sec (${mb.toFixed(2)} MB/sec), ${average.toFixed(1)} ms avg latency, ${most.toFixed(1)} ms max latency`;
  };

  return {
    add(ms: number, length: number): void {
      all.push(ms);
      bytes += length;
    },
    window(): string {
      const now = performance.now();
      const text = `${line(all.slice(last.records), bytes - last.bytes, now - last.atMs)}.`;
      last = { records: all.length, bytes, atMs: now };
      return text;
    },
    total(): string {
      const sorted = Float64Array.from(all).sort();
      const percentiles = ['50', '95', '99', '99.9'].map((name) => {
        const at = Math.min(sorted.length - 1, Math.floor((Number(name) / 100) * sorted.length));
        return `${Math.round(sorted[at] ?? 0)} ms ${name}th`;
      });
      return `${line(all, bytes, performance.now() - startedMs)}, ${percentiles.join(', ')}.`;
    },
  };
}

// --- consume

const consumeHelp = `
It prints the columns of kafka-consumer-perf-test.sh. Without --group, it reads all partitions from their beginning, and commits
nothing.

Examples:
  rivulet bench consume orders --messages 100000
  rivulet bench consume orders --messages 100000 --group perf --hide-header
  rivulet bench consume orders --messages 100000 --consumer-property max.partition.fetch.bytes=1048576`;

function addConsume(bench: Command): void {
  bench
    .command('consume')
    .description('read records as quickly as possible')
    .argument('[topic]')
    .addOption(topicOption())
    .addOption(
      new Option('--messages, --num-records <count>', 'how many to read')
        .argParser(wholeNumber(1))
        .makeOptionMandatory(),
    )
    .option('--group <id>', 'read as a member of this group', notEmpty)
    .option(
      '--timeout <ms>',
      'stop after this many milliseconds without a record',
      wholeNumber(1, 2_147_483_647),
      10_000,
    )
    .option('--consumer-property <name=value>', "set a property of Kafka's consumer; repeatable", keyValue)
    .option('--hide-header', 'print only the line of figures')
    .addHelpText('after', consumeHelp)
    .action(benchConsume);
}

type ConsumeOptions = {
  numRecords: number;
  group?: string;
  timeout: number;
  consumerProperty?: Properties;
  hideHeader?: boolean;
};

const columns =
  'start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec';

async function benchConsume(positional: string | undefined, options: ConsumeOptions, command: Command): Promise<void> {
  const topic = topicOf(command, positional);
  const { group, numRecords, timeout, hideHeader } = options;
  const settings = consumerSettings(command, options.consumerProperty, group);
  const rivulet = await connect(command, {}, settings.connection);
  const all = await rivulet.admin().fetchTopicOffsets(topic);
  const started = Date.now();
  let assignedMs = started;
  const noteAssignment = (): void => {
    assignedMs = Date.now();
  };
  const consumer = made(command, '--consumer-property', () =>
    rivulet.consumer({
      autoOffsetReset: 'earliest',
      ...settings.options,
      ...(group !== undefined && { groupId: group, onPartitionsAssigned: noteAssignment }),
    }),
  );
  if (group === undefined)
    consumer.assign(all.map(({ partition, earliest }) => ({ topic, partition, offset: earliest })));
  else consumer.subscribe({ topics: [topic] });
  const read = await readAll(consumer, numRecords, timeout);
  if (read.records < numRecords)
    console.error(`rivulet: note: ${read.records} records were read, and then none came for ${timeout} ms`);
  if (!hideHeader) printLine(columns);
  printLine(figuresOf({ ...read, started, rebalanceMs: assignedMs - started }));
}

type Read = { readonly records: number; readonly bytes: number; readonly endedMs: number };

async function readAll(consumer: Consumer, wanted: number, timeoutMs: number): Promise<Read> {
  let [records, bytes, endedMs] = [0, 0, Date.now()];
  const stop = (): void => void consumer.stop();
  const timer = setTimeout(stop, timeoutMs);
  await consumer.run({
    eachBatch: ({ messages }) => {
      records += messages.length;
      for (const { key, value } of messages) bytes += (key?.length ?? 0) + (value?.length ?? 0);
      endedMs = Date.now();
      timer.refresh();
      if (records >= wanted) stop();
    },
  });
  clearTimeout(timer);
  return { records, bytes, endedMs };
}

function figuresOf({
  records,
  bytes,
  started,
  endedMs,
  rebalanceMs,
}: Read & { started: number; rebalanceMs: number }): string {
  const mb = bytes / bytesPerMb;
  const tookMs = Math.max(1, endedMs - started);
  const fetchMs = Math.max(1, tookMs - rebalanceMs);
  const perSecond = (amount: number, ms: number): string => ((amount * 1_000) / ms).toFixed(4);
  const time = (ms: number): string => new Date(ms).toISOString().replace('T', ' ').replace('.', ':').replace('Z', '');
  return [
    ...[time(started), time(endedMs), mb.toFixed(4), perSecond(mb, tookMs), records, perSecond(records, tookMs)],
    ...[rebalanceMs, fetchMs, perSecond(mb, fetchMs), perSecond(records, fetchMs)],
  ].join(', ');
}
