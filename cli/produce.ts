// `rivulet produce` appends one record for each line of a file or of standard input. It takes the flags of
// kafka-console-producer.sh.
//
// Invariant: whatever goes wrong, the last lines say how many records were acknowledged and what became of the others.
import type { Readable } from 'node:stream';
import { type Command, Option } from 'commander';
import type { RivuletClientError } from '../client/client-error.ts';
import type { Message } from '../client/message.ts';
import type { ProducerOptions } from '../client/producer/producer-options.ts';
import { producerPropertyNames } from '../client/properties.ts';
import { limits } from '../lib/api/limits.ts';
import type { Compression } from '../lib/record/compression.ts';
import { connect } from './connect.ts';
import { streamOf } from './files.ts';
import { made, producerSettings } from './kafka-properties.ts';
import { formatParser } from './line-format.ts';
import { flag, keyValue, type Properties, refuseAll, refuseUnknown, topicOf, topicOption } from './options.ts';
import { reportOutages } from './outage.ts';
import { wrapped } from './output.ts';
import { plainTarget, transactionTarget } from './produce-target.ts';
import { startProgress } from './progress.ts';
import { linesOf } from './read-lines.ts';
import type { NumberedMessage, Sending } from './sending.ts';
import { onStopSignal, signalOfGroup } from './stop-signals.ts';
import { readerProperties, textParser, whyUnreadable } from './text-lines.ts';

const examples = `
The topic must exist. Only Kafka's clients create a missing topic on the way.

With --transactional-id, all lines of the input are one transaction. It is committed at the end of the input, and no reader
sees any line before. It is aborted if a line is wrong, if a record is refused, or if a signal ends the command. The end of a
pipe does not say whether the program in front of it has failed: where that matters, give its output as --file. A transaction
takes at most 15 minutes and 10,000 batches. Of several commands with one id, only the newest can commit.

Properties of --format lines: parse.key, key.separator, parse.headers, headers.delimiter, headers.separator,
headers.key.separator, null.marker, ignore.error. As in kafka-console-producer.sh, the default separators are tabs, commas
and colons.
-f reads each line by a format: %k key, %s value, %h headers as name=value,name=value, %p partition, %T timestamp, and the text
between them, like '%k: %s'. A field ends where the text behind it first occurs.
Lines of --format ndjson: {"key", "value", "headers": [{"name", "value"}], "partition", "timestamp"}. All fields are
optional, and blank lines are skipped. Lines of --format envelope: {"key", "payload", "headers": ["name", "value"], "partition",
"ts"}, as kcat -J and our consume -J print them.

--producer-property takes the properties of Kafka's producer. docs/SDK.md has them, and says what each does:
${wrapped(producerPropertyNames)}.

Examples:
  echo 'hello' | rivulet produce orders
  rivulet produce orders --property parse.key=true --property key.separator=: < orders.txt
  rivulet produce orders --file orders.ndjson --format ndjson --compression-codec zstd
  rivulet produce orders -f '%k,%s' --file orders.csv
  rivulet produce orders --file orders.txt --transactional-id nightly
This copies a topic. Each record names its partition, so the copy needs as many partitions:
  rivulet topics create copy --partitions 3
  rivulet consume orders --from-beginning --timeout-ms 1000 --format ndjson | rivulet produce copy --format ndjson`;

/** The producer's delivery timeout. The note on an outage names it. */
const deliveryTimeoutMs = 120_000;

type ProduceOptions = {
  producerProperty?: Properties;
  property?: Properties;
  compressionCodec: Compression;
  transactionalId?: string;
  file?: string;
  format: 'lines' | 'ndjson' | 'envelope';
  formatString?: string;
};

export function addProduce(rivulet: Command): void {
  rivulet
    .command('produce')
    .description('append records to a topic, from standard input or a file')
    .argument('[topic]')
    .addOption(topicOption())
    .option('--file <path>', 'read this file instead of standard input')
    .addOption(
      new Option('--format <format>', 'what a line is').choices(['lines', 'ndjson', 'envelope']).default('lines'),
    )
    .addOption(
      new Option('-J, --json-envelope', "a line is kcat's JSON envelope, as --format envelope").implies({
        format: 'envelope',
      }),
    )
    .addOption(
      new Option('-f, --format-string <format>', 'read lines by this format: see below').conflicts([
        'format',
        'jsonEnvelope',
      ]),
    )
    .option('--reader-property, --property <name=value>', 'how to read lines; repeatable', keyValue)
    .addOption(
      new Option('--compression-codec <codec>', 'how to compress the batches')
        .choices(['none', 'gzip', 'snappy', 'lz4', 'zstd'])
        .default('none'),
    )
    .option('--producer-property <name=value>', "set a property of Kafka's producer; repeatable", keyValue)
    .option('--transactional-id <id>', 'write all lines or none, in one transaction of this id')
    .addHelpText('after', examples)
    .action(produce);
}

async function produce(positional: string | undefined, options: ProduceOptions, command: Command): Promise<void> {
  const topic = topicOf(command, positional);
  const parse = await parserOf(options, command);
  const input = await streamOf('--file', options.file);
  const { url } = command.optsWithGlobals<{ url: string }>();
  const { options: settings, connection } = producerSettings(command, options.producerProperty);
  const lost: RivuletClientError[] = [];
  const onSendError = (error: RivuletClientError): void => void lost.push(error);
  const all = { ...producerOptions(options), ...settings, onSendError };
  const rivulet = await connect(command, reportOutages(url, ` (up to ${all.deliveryTimeoutMs! / 1000} s)`), connection);
  const producer = made(command, '--producer-property', () => rivulet.producer(all));
  // With this lookup a wrong topic fails immediately, even if no line comes.
  await producer.partitionsFor(topic);
  const { createSending } = await import('./sending.ts');
  const target =
    options.transactionalId === undefined ? plainTarget(producer, all.acks === 0) : await transactionTarget(producer);
  const sending = createSending(target, topic);
  const stopProgress = startProgress(() => `${sending.acknowledged()} records ${target.done}`);
  const interrupted = endInputOnSignal(input, () => sending.summary() + target.fate());
  try {
    await sendLines(input, parse, sending, target.done).catch((error: unknown) => {
      if (interrupted() === undefined) throw error;
    });
    await sending.settled();
    if (options.transactionalId !== undefined) await signalOfGroup();
    const isWhole = interrupted() === undefined && !sending.hasFailed();
    if (isWhole) await target.finish();
  } finally {
    await target.close();
    await sending.settled();
    stopProgress();
    console.error(sending.summary() + target.fate());
  }
  sending.throwFirst();
  if (lost[0]) throw lost[0];
  process.exitCode = interrupted() ?? 0;
}

const producerOptions = ({ compressionCodec: compression, transactionalId }: ProduceOptions): ProducerOptions => ({
  compression,
  deliveryTimeoutMs,
  ...(transactionalId !== undefined && { transactionalId, transactionTimeoutMs: limits.maxTransactionTimeoutMs }),
});

/** Returns the message of a line, or undefined if the line holds none. Throws a sentence that says what is wrong. */
type Parser = (line: Buffer) => Message | undefined;

async function parserOf({ format, formatString, property = {} }: ProduceOptions, command: Command): Promise<Parser> {
  if (formatString !== undefined) {
    refuseAll(command, property, 'lines and -f');
    return formatParserOf(formatString, command);
  }
  if (format !== 'lines') {
    refuseAll(command, property, format);
    const { isBlank } = await import('./json-lines.ts');
    const { messageOf } = await jsonFormats[format]();
    return (line) => (isBlank(line) ? undefined : messageOf(line));
  }
  refuseUnknown(command, property, readerProperties);
  const reason = whyUnreadable(property);
  if (reason !== undefined) command.error(`rivulet: --property ${reason}`);
  return textParser(property, (name, fallback) => flag(command, property, name, fallback));
}

const jsonFormats = {
  ndjson: async () => ({ messageOf: (await import('./json-lines.ts')).messageOfLine }),
  envelope: async () => ({ messageOf: (await import('./envelopes.ts')).messageOfEnvelope }),
};

function formatParserOf(formatString: string, command: Command): Parser {
  try {
    return formatParser(formatString);
  } catch (error) {
    return command.error(`rivulet: ${(error as Error).message}`);
  }
}

/** Ends the input on a signal; lines that were read are still sent. @returns the exit code of the signal, once it came. */
function endInputOnSignal(input: Readable, summary: () => string): () => number | undefined {
  let interrupted: number | undefined;
  const stop = (exitCode: number): void => {
    interrupted = exitCode;
    input.destroy();
  };
  onStopSignal(stop, (exitCode) => {
    console.error(summary());
    process.exit(exitCode);
  });
  return () => interrupted;
}

async function sendLines(input: Readable, parse: Parser, sending: Sending, done: string): Promise<void> {
  let line = 0;
  for await (const lines of linesOf(input)) {
    const messages: NumberedMessage[] = [];
    try {
      for (const text of lines) {
        line++;
        const message = parse(text);
        if (message) messages.push({ line, message });
      }
    } catch (error) {
      await sending.send(messages);
      await sending.settled();
      throw wrongLine(line, { before: sending.acknowledged(), done }, error as Error);
    }
    await sending.send(messages);
    if (sending.hasFailed()) return;
  }
}

/** The error for a wrong line. The caller has waited until the lines before it are settled. */
function wrongLine(line: number, { before, done }: { before: number; done: string }, cause: Error): Error {
  const acknowledged = `${before} ${before === 1 ? 'record' : 'records'} before it ${before === 1 ? 'was' : 'were'} ${done}`;
  return new Error(`line ${line}: ${cause.message}; ${acknowledged}, and nothing was sent from this line on`, {
    cause,
  });
}
