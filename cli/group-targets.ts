// What reset-offsets and delete-offsets are told: which partitions, and where to. Kafka's notations: `orders:0,1`, ISO 8601
// times and durations, and a CSV of topic,partition,offset.
import { InvalidArgumentError } from 'commander';
import { offsetTargets, type ResetOffsets, type TopicSelection } from '../lib/client/group-admin.ts';
import { checkTopicName } from '../lib/topic/name.ts';
import { partitionList } from './options.ts';

/** For a repeatable `topic` or `topic:0,2-3`. */
export function topicSelection(text: string, before: readonly TopicSelection[] = []): readonly TopicSelection[] {
  const [topic = '', partitions, ...rest] = text.split(':');
  if (topic.includes(',')) throw new InvalidArgumentError('It must be one topic; give --topic once for each.');
  if (rest.length > 0) throw new InvalidArgumentError('It must be like orders or orders:0,2-3.');
  checkTopicName(topic);
  if (before.some((one) => one.topic === topic)) throw new InvalidArgumentError(`${topic} is named already.`);
  return [...before, partitions === undefined ? { topic } : { topic, partitions: partitionList(partitions) }];
}

const TIME = /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)?(?:Z|([+-]\d{2}):?(\d{2})?)?$/;

/** In epoch milliseconds. As in Kafka's tool, UTC unless the text has a zone. */
export function isoTime(text: string): number {
  const [, day, time = 'T00:00', hours = '+00', minutes = '00'] = TIME.exec(text) ?? [];
  const ms = /^\d{1,15}$/.test(text) ? Number(text) : Date.parse(`${day}${time}${hours}:${minutes}`);
  if (ms >= 0) return ms;
  throw new InvalidArgumentError('It must be a time like 2026-11-22T09:00:00Z, or epoch milliseconds.');
}

const DURATION = /^P(?=\d|T\d)(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,3})?)S)?)?$/;

/** In milliseconds. */
export function isoDuration(text: string): number {
  const parts = DURATION.exec(text.toUpperCase());
  if (!parts) throw new InvalidArgumentError('It must be an ISO 8601 duration like PT30M, PT1H or P2DT12H.');
  const [days, hours, minutes, seconds] = parts.slice(1).map((part) => Number(part ?? 0));
  return Math.round(((days! * 24 + hours!) * 60 + minutes!) * 60_000 + seconds! * 1_000);
}

/** Lines of topic,partition,offset; the topic may be in quotes. Throws naming the line. */
export function fileTargets(path: string, text: string): ResetOffsets['topics'] {
  const lines = new Map<string, number>();
  const rows = text.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === '') return [];
    const [, quoted, bare, partition, offset] =
      /^\s*(?:"([^"]+)"|([^",\s]+))\s*,\s*(\d{1,5})\s*,\s*(\d{1,16})\s*$/.exec(line) ?? [];
    const topic = quoted ?? bare;
    if (topic === undefined)
      throw new Error(
        `--from-file ${path}: line ${index + 1}: must be topic,partition,offset, got ${JSON.stringify(line.slice(0, 80))}`,
      );
    checkTopicName(topic);
    const before = lines.get(`${topic}/${Number(partition)}`);
    if (before !== undefined)
      throw new Error(
        `--from-file ${path}: line ${index + 1}: ${topic} partition ${Number(partition)} is on line ${before} already`,
      );
    lines.set(`${topic}/${Number(partition)}`, index + 1);
    return [{ topic, partition: Number(partition), offset: Number(offset) }];
  });
  if (rows.length === 0) throw new Error(`--from-file ${path}: has no line`);
  return offsetTargets(rows);
}
