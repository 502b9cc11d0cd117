// `rivulet produce`: a file or standard input, a record a line. The flags are those of kafka-console-producer.sh.
//
// Invariant: whatever goes wrong, the last lines say how many records were acknowledged and what became of the others.
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { type Command, Option } from 'commander';
import type { Message } from '../lib/client/message.ts';
import type { Compression } from '../lib/record/compression.ts';
import { connect } from './connect.ts';
import { flag, keyValue, type Properties, refuseUnknown, topicOf, topicOption } from './options.ts';
import { startProgress } from './progress.ts';
import { linesOf } from './read-lines.ts';
import type { Sending } from './sending.ts';
import { readerProperties, textParser } from './text-lines.ts';

const examples = `
Properties of --format lines: parse.key, key.separator, parse.headers, headers.delimiter, headers.separator,
headers.key.separator, null.marker; as in kafka-console-producer.sh, separators are tabs, commas and colons by default.
Lines of --format ndjson: {"key", "value", "headers": [{"name", "value"}], "partition", "timestamp"}, all optional.

Examples:
  echo 'hello' | rivulet produce orders
  rivulet produce orders --property parse.key=true --property key.separator=: < orders.txt
  rivulet produce orders --file orders.ndjson --format ndjson --compression-codec zstd
  rivulet consume orders --from-beginning --timeout-ms 1000 --format ndjson | rivulet produce copy --format ndjson`;

type ProduceOptions = {
  property?: Properties;
  compressionCodec: Compression;
  file?: string;
  format: 'lines' | 'ndjson';
};

export function addProduce(rivulet: Command): void {
  rivulet
    .command('produce')
    .description('append records to a topic, from standard input or a file')
    .argument('[topic]')
    .addOption(topicOption())
    .option('--file <path>', 'read this file, not standard input')
    .addOption(new Option('--format <format>', 'what a line is').choices(['lines', 'ndjson']).default('lines'))
    .option('--property <name=value>', 'how to read lines; repeatable', keyValue)
    .addOption(
      new Option('--compression-codec <codec>', 'how to compress the batches')
        .choices(['none', 'gzip', 'snappy', 'lz4', 'zstd'])
        .default('none'),
    )
    .addHelpText('after', examples)
    .action(produce);
}

async function produce(positional: string | undefined, options: ProduceOptions, command: Command): Promise<void> {
  const topic = topicOf(command, positional);
  const parse = await parserOf(options, command);
  const input = options.file === undefined ? process.stdin : createReadStream(options.file, { highWaterMark: 262_144 });
  const producer = (await connect(command)).producer({ compression: options.compressionCodec });
  const { createSending } = await import('./sending.ts');
  const sending = createSending(producer, topic);
  const stopProgress = startProgress(() => `${sending.acknowledged()} records acknowledged`);
  const interrupted = onInterrupt(input);
  try {
    await sendLines(input, parse, sending).catch((error: unknown) => {
      if (!interrupted()) throw error;
    });
  } finally {
    await producer.disconnect();
    await sending.settled();
    stopProgress();
    console.error(sending.summary());
  }
  sending.throwFirst();
  if (interrupted()) process.exitCode = 130;
}

async function parserOf(
  { format, property = {} }: ProduceOptions,
  command: Command,
): Promise<(line: Buffer) => Message> {
  if (format === 'ndjson') {
    refuseUnknown(command, property, []);
    return (await import('./json-lines.ts')).messageOfLine;
  }
  refuseUnknown(command, property, readerProperties);
  return textParser(property, (name, fallback) => flag(command, property, name, fallback));
}

/** The first Ctrl-C ends the input, and what was read is still sent; the second one ends us. */
function onInterrupt(input: Readable): () => boolean {
  let interrupted = false;
  process.once('SIGINT', () => {
    interrupted = true;
    input.destroy();
  });
  return () => interrupted;
}

async function sendLines(input: Readable, parse: (line: Buffer) => Message, sending: Sending): Promise<void> {
  let lineNumber = 0;
  for await (const lines of linesOf(input)) {
    const messages: Message[] = [];
    try {
      for (const line of lines) {
        lineNumber++;
        messages.push(parse(line));
      }
    } catch (error) {
      throw new Error(`line ${lineNumber}: ${(error as Error).message}; nothing was sent from there on`, {
        cause: error,
      });
    } finally {
      await sending.send(messages);
    }
    if (sending.hasFailed()) return;
  }
}
