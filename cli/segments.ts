// `rivulet topics segments` shows the objects and items that hold a partition's records, and downloads the bytes of one.
import { open } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import type { Segment, SegmentPage } from '../client/admin/segment-admin.ts';
import { connect } from './connect.ts';
import { type FormatFlags, printFormatted, withFormats } from './formats.ts';
import { notEmpty, topicOf, topicOption, wholeNumber } from './options.ts';
import { plural, printLine, printTable } from './output.ts';

const help = `
KIND is log (an object that maintenance has made), ingest (part of the object of one upload), staged (the same, of a
transaction), inline (an item of the table), or list (a damaged list of staged pieces). INDEX says whether a log item, an
index page or the tail of the partition's head names it. WRITTEN is the hour in which it was stored.

--download writes the batches of one piece as they are stored. An object may hold other partitions too: only the bytes of
this one are written.

Examples:
  rivulet topics segments orders --partition 2
  rivulet topics segments orders --partition 2 --from 120000 --limit 1000 -o json
  rivulet topics segments orders --partition 2 --download 120000 --file segment.bin`;

type Options = FormatFlags & {
  partition?: number;
  from?: number;
  limit?: number;
  download?: number;
  file?: string;
};

export function addSegments(topics: Command): void {
  const offset = wholeNumber(0);
  withFormats(topics.command('segments'))
    .description("print where a partition's records are stored, or download the bytes of one piece")
    .argument('[topic]')
    .addOption(topicOption())
    .option('--partition <number>', 'the partition; required', wholeNumber(0, 9_999))
    .option('--from <offset>', 'begin with the piece that holds this offset; default: the earliest', offset)
    .option('--limit <count>', 'print at most this many pieces; default 100', wholeNumber(1, 1_000))
    .addOption(
      new Option('--download <offset>', 'write the bytes of the piece that holds this offset')
        .argParser(offset)
        .conflicts(['from', 'limit', 'output']),
    )
    .option('--file <path>', 'the new file that --download writes', notEmpty)
    .addHelpText('after', help)
    .action(segments);
}

async function segments(positional: string | undefined, options: Options, command: Command): Promise<void> {
  const topic = topicOf(command, positional);
  const { partition, from, limit, download, file, ...flags } = options;
  if (partition === undefined) return command.error('rivulet: the partition is missing: give --partition');
  if ((download === undefined) !== (file === undefined))
    return command.error('rivulet: --download and --file belong together: give both');
  const admin = (await connect(command)).admin();
  if (download !== undefined && file !== undefined) {
    const bytes = await save(admin.readSegment({ topic, partition, offset: download }), file);
    return printLine(`${file}: ${plural(bytes, 'byte')} of ${topic}, partition ${partition}, offset ${download}`);
  }
  const wanted = { topic, partition, ...(from !== undefined && { from }), ...(limit !== undefined && { limit }) };
  const page = await admin.listSegments(wanted);
  await printFormatted(flags, page, () => printPage(page));
}

/** Takes the first piece before it makes the file, so that a refusal leaves none. It overwrites nothing. */
async function save(pieces: AsyncGenerator<Uint8Array>, path: string): Promise<number> {
  const first = await pieces.next();
  const file = await open(path, 'wx', 0o600).catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'EEXIST' ? 'the file exists already' : `it cannot be written (${cause.code})`;
    throw new Error(`--file ${JSON.stringify(path)}: ${reason}`, { cause });
  });
  await using _ = file;
  let bytes = 0;
  for (let piece = first; !piece.done; piece = await pieces.next()) {
    await file.writeFile(piece.value);
    bytes += piece.value.length;
  }
  return bytes;
}

function printPage(page: SegmentPage): void {
  const { logStartOffset, mergedOffset, tailOffset, highWatermark, nextOffset } = page;
  printLine(
    `Offsets ${logStartOffset} to ${highWatermark}: log segments below ${mergedOffset}, index pages below ${tailOffset}, then the tail`,
  );
  printTable(
    ['KIND', 'INDEX', 'OFFSET', 'END', 'RECORDS', 'BYTES', 'NEWEST', 'WRITTEN', 'OBJECT', 'POSITION'],
    page.segments.map(rowOf),
  );
  if (nextOffset !== undefined) printLine(`There are more: --from ${nextOffset}`);
}

const rowOf = (of: Segment): (string | number)[] => [
  ...[of.kind, of.pageOffset === undefined ? of.indexedIn : `page ${of.pageOffset}`],
  ...[of.baseOffset, of.endOffset, of.records, of.bytes],
  ...[timeOf(of.maxTimestamp), `${timeOf(of.createdAt).slice(0, 13)}Z`, of.object, of.position],
];

/** Producers choose timestamps, so one may be beyond any date. */
function timeOf(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? String(ms) : date.toISOString();
}
