// How the commands read their options. What is wrong with one ends in commander's own words, and exit code 2.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { checkGroupId } from '../lib/group/names.ts';
import { checkTopicName } from '../lib/topic/name.ts';

export type Properties = Readonly<Record<string, string>>;

/** For a repeatable `k=v`; everything behind the first `=` is the value. */
export function keyValue(text: string, before: Properties = {}): Properties {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must be name=value.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** For a repeatable name. */
export const nameList = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** Parses a whole number within the bounds. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/** For what an empty text would mean something else of. */
export function notEmpty(text: string): string {
  if (text.trim() !== '') return text;
  throw new InvalidArgumentError('It must not be empty.');
}

/** `0`, `0,2`, `3-5`: each once, ascending. */
export function partitionList(text: string): readonly number[] {
  const numbers = text.split(',').flatMap((part) => {
    const [, from, to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part) ?? [];
    if (from === undefined || Number(to) < Number(from) || Number(to) > 9_999)
      throw new InvalidArgumentError('It must be like 0,2 or 3-5, of partitions from 0 to 9999.');
    return Array.from({ length: Number(to) - Number(from) + 1 }, (_, i) => Number(from) + i);
  });
  return [...new Set(numbers)].sort((a, b) => a - b);
}

/** Kafka's tools want `--topic`; we take the bare name too. */
export const topicOption = (): Option => new Option('--topic <topic>', 'the topic, instead of naming it bare');

/** Throws as the service would, but with the name as it was typed. */
export function topicOf(command: Command, positional: string | undefined): string {
  const topic = namedTopic(command, positional);
  checkTopicName(topic);
  return topic;
}

function namedTopic(command: Command, positional: string | undefined): string {
  const { topic } = command.opts<{ topic?: string }>();
  if (positional !== undefined && topic !== undefined && positional !== topic)
    return command.error(`rivulet: two topics are named, '${positional}' and '${topic}'`);
  return positional ?? topic ?? command.error('rivulet: which topic? Name it, or give --topic');
}

export const groupOption = (): Option => new Option('--group <group>', 'the group, instead of naming it bare');

/** As `topicOf`. */
export function groupOf(command: Command, positional: string | undefined): string {
  const group = namedGroup(command, positional);
  checkGroupId(group);
  return group;
}

function namedGroup(command: Command, positional: string | undefined): string {
  const { group } = command.opts<{ group?: string }>();
  if (positional !== undefined && group !== undefined && positional !== group)
    return command.error(`rivulet: two groups are named, '${positional}' and '${group}'`);
  return positional ?? group ?? command.error('rivulet: which group? Name it, or give --group');
}

/** `true` and `false`, as Kafka's tools read them. */
export function flag(command: Command, properties: Properties, name: string, fallback: boolean): boolean {
  const value = properties[name]?.trim().toLowerCase();
  if (value === undefined) return fallback;
  if (value === 'true' || value === 'false') return value === 'true';
  return command.error(`rivulet: --property ${name}: must be true or false, got '${properties[name]}'`);
}

export function refuseUnknown(command: Command, properties: Properties, known: readonly string[]): void {
  const unknown = Object.keys(properties).find((name) => !known.includes(name));
  if (unknown !== undefined)
    command.error(`rivulet: --property ${unknown}: not known here; known are ${known.join(', ')}`);
}

export function refuseAll(command: Command, properties: Properties, format: string): void {
  const [any] = Object.keys(properties);
  if (any !== undefined) command.error(`rivulet: --property ${any}: --format ${format} has no properties`);
}
