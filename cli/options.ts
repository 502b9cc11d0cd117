// How the commands read their options. commander reports a wrong option with the flag's name, and exit code 2.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { checkPlainGroupId } from '../lib/group/names.ts';
import { checkTopicName } from '../lib/topic/name.ts';

export type Properties = Readonly<Record<string, string>>;

/** Parses a repeatable `k=v`. Everything behind the first `=` is the value. */
export function keyValue(text: string, before: Properties = {}): Properties {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must be name=value.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** Parses a repeatable name. */
export const nameList = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** Parses a whole number within the bounds. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/** Parses `host:port,host:port`. An address of IPv6 stands in brackets. */
export function addressList(text: string): readonly { readonly host: string; readonly port: number }[] {
  return text.split(',').map((address) => {
    const [, bracketed, name, digits] = /^(?:\[([\da-f:.]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(address) ?? [];
    const host = bracketed ?? name;
    const port = Number(digits);
    if (host !== undefined && port >= 1 && port <= 65_535) return { host, port };
    throw new InvalidArgumentError('It must be host:port, or several of them with commas between.');
  });
}

/** Refuses an empty text, for options where it would mean something else. */
export function notEmpty(text: string): string {
  if (text.trim() !== '') return text;
  throw new InvalidArgumentError('It must not be empty.');
}

/** Parses `0`, `0,2` or `3-5`. The result has each partition once, ascending. */
export function partitionList(text: string): readonly number[] {
  const numbers = text.split(',').flatMap((part) => {
    const [, from, to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part) ?? [];
    if (from === undefined || Number(to) < Number(from) || Number(to) > 9_999)
      throw new InvalidArgumentError('It must be like 0,2 or 3-5, of partitions from 0 to 9999.');
    return Array.from({ length: Number(to) - Number(from) + 1 }, (_, i) => Number(from) + i);
  });
  return [...new Set(numbers)].sort((a, b) => a - b);
}

/** Kafka's tools need `--topic`. Our commands also take the bare name. */
export const topicOption = (): Option => new Option('--topic <topic>', 'the topic, the same as the argument');

/** Throws the same error as the service would, but with the name as it was typed. */
export function topicOf(command: Command, positional: string | undefined): string {
  const topic = namedTopic(command, positional);
  checkTopicName(topic);
  return topic;
}

function namedTopic(command: Command, positional: string | undefined): string {
  const { topic } = command.opts<{ topic?: string }>();
  if (positional !== undefined && topic !== undefined && positional !== topic)
    return command.error(`rivulet: expected one topic, got two: '${positional}' and '${topic}'`);
  return positional ?? topic ?? command.error('rivulet: the topic is missing: name it, or give --topic');
}

export const groupOption = (): Option => new Option('--group <group>', 'the group, the same as the argument');

/** Does the same for a group as `topicOf` for a topic. */
export function groupOf(command: Command, positional: string | undefined): string {
  const group = namedGroup(command, positional);
  checkPlainGroupId(group);
  return group;
}

function namedGroup(command: Command, positional: string | undefined): string {
  const { group } = command.opts<{ group?: string }>();
  if (positional !== undefined && group !== undefined && positional !== group)
    return command.error(`rivulet: expected one group, got two: '${positional}' and '${group}'`);
  const orFlag = command.options.some(({ long }) => long === '--group') ? ', or give --group' : '';
  return positional ?? group ?? command.error(`rivulet: the group is missing: name it${orFlag}`);
}

/** Reads `true` and `false` as Kafka's tools do. */
export function flag(command: Command, properties: Properties, name: string, fallback: boolean): boolean {
  const value = properties[name]?.trim().toLowerCase();
  if (value === undefined) return fallback;
  if (value === 'true' || value === 'false') return value === 'true';
  return command.error(`rivulet: --property ${name}: expected true or false, got '${properties[name]}'`);
}

export function refuseUnknown(command: Command, properties: Properties, known: readonly string[]): void {
  const unknown = Object.keys(properties).find((name) => !known.includes(name));
  if (unknown !== undefined) command.error(`rivulet: --property: expected one of ${known.join(', ')}, got ${unknown}`);
}

export function refuseAll(command: Command, properties: Properties, format: string): void {
  const [any] = Object.keys(properties);
  if (any !== undefined) command.error(`rivulet: --property: expected none with --format ${format}, got ${any}`);
}
