// The record that was given up, made again of its dead letter.
//
// Invariant: every header is checked. A person who may produce to the topic of dead letters may write anything there, and the
// target believes what an event says about partition and offset.
import type { PushRecord } from '../../api/push.ts';
import { letterHeaders } from '../run/dead-letters.ts';

export type Original = { readonly partition: number; readonly record: PushRecord };

/** The subscription and its topic, as letters name them. */
export type Source = {
  readonly groupId: string;
  readonly topic: string;
  /** Another topic may have the name by now. */
  readonly topicId: string;
  /** Whether the topic has ever had a record there. A partition that it does not have has no records. */
  hasHad(partition: number, offset: number): Promise<boolean>;
};

/** Undefined for what is no letter of this subscription, and for a letter without its record. */
export async function originalOf(letter: PushRecord, source: Source): Promise<Original | undefined> {
  const { group, topic, topicId, content, error, ...texts } = headersOf(letter);
  const isOurs = group === source.groupId && topic === source.topic && topicId === source.topicId;
  if (!isOurs || content !== 'record' || error === undefined) return undefined;
  const [partition, offset, attempts] = [texts.partition, texts.offset, texts.attempts].map(countIn);
  const timestampMs = timestampIn(texts.timestamp);
  if (partition === undefined || offset === undefined || attempts === undefined || timestampMs === undefined)
    return undefined;
  const headers = letter.headers.filter(({ key }) => !names.has(key));
  const isInTopic = await source.hasHad(partition, offset);
  return isInTopic ? { partition, record: { ...letter, offset, timestampMs, headers } } : undefined;
}

type Texts = Partial<Record<keyof typeof letterHeaders, string>>;

const names = new Map(Object.entries(letterHeaders).map(([name, header]) => [header as string, name]));

/** A record that was given up twice has them twice: the last ones count. */
const headersOf = ({ headers }: PushRecord): Texts =>
  Object.fromEntries(
    headers.flatMap(({ key, value }) => {
      const name = names.get(key);
      return name !== undefined && value ? [[name, Buffer.from(value).toString()]] : [];
    }),
  );

/** Exactly as a letter writes it: one text for each number. */
function numberIn(text: string | undefined): number | undefined {
  const number = Number(text);
  return Number.isSafeInteger(number) && String(number) === text ? number : undefined;
}

function countIn(text: string | undefined): number | undefined {
  const number = numberIn(text);
  return number !== undefined && number >= 0 ? number : undefined;
}

/** -1 is Kafka's for a record without a time. */
function timestampIn(text: string | undefined): number | undefined {
  const number = numberIn(text);
  return number !== undefined && number >= -1 ? number : undefined;
}
