// This file reads the partitions and targets that a person gives to reset-offsets and delete-offsets. The notations are
// Kafka's: `orders:0,1`, and a CSV of topic,partition,offset.
import { InvalidArgumentError } from 'commander';
import { offsetTargets, type ResetOffsets, type TopicSelection } from '../client/admin/group-admin.ts';
import { checkTopicName } from '../lib/topic/name.ts';
import { partitionList } from './options.ts';

/** Parses a repeatable `topic` or `topic:0,2-3`. */
export function topicSelection(text: string, before: readonly TopicSelection[] = []): readonly TopicSelection[] {
  const [topic = '', partitions, ...rest] = text.split(':');
  if (topic.includes(',')) throw new InvalidArgumentError('It must be one topic; give --topic once for each.');
  if (rest.length > 0) throw new InvalidArgumentError('It must be like orders or orders:0,2-3.');
  checkTopicName(topic);
  if (before.some((one) => one.topic === topic)) throw new InvalidArgumentError(`${topic} is named already.`);
  return [...before, partitions === undefined ? { topic } : { topic, partitions: partitionList(partitions) }];
}

/** Parses lines of topic,partition,offset. The topic may be in quotes. An error names the line. */
export function fileTargets(path: string, text: string): ResetOffsets['topics'] {
  const lines = new Map<string, number>();
  const rows = text.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === '') return [];
    const [, quoted, bare, partition, offset] =
      /^\s*(?:"([^"]+)"|([^",\s]+))\s*,\s*(\d{1,5})\s*,\s*(\d{1,16})\s*$/.exec(line) ?? [];
    const topic = quoted ?? bare;
    if (topic === undefined)
      throw new Error(
        `--from-file ${path}: line ${index + 1}: expected topic,partition,offset, got ${JSON.stringify(line.slice(0, 80))}`,
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
  if (rows.length === 0) throw new Error(`--from-file ${path}: expected lines of topic,partition,offset, got none`);
  return offsetTargets(rows);
}
