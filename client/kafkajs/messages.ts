// Messages in KafkaJS's form, and their conversion to and from the SDK's: offsets and timestamps are texts, and headers are an
// object.
import type { ConsumedMessage, Message, MessageHeaders } from '../message.ts';
import type { RecordMetadata as SdkMetadata } from '../record-metadata.ts';
import { KafkaJSNonRetriableError } from './errors.ts';

export type IHeaders = Record<string, Buffer | string | (Buffer | string)[] | undefined>;

export type KafkaJsMessage = {
  readonly key?: Buffer | string | null;
  readonly value: Buffer | string | null;
  readonly partition?: number;
  readonly headers?: IHeaders;
  /** Epoch milliseconds. */
  readonly timestamp?: string;
};

export type KafkaMessage = {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly timestamp: string;
  /** Always 0: what it says of the batch is not kept for each message. */
  readonly attributes: number;
  readonly offset: string;
  readonly headers: IHeaders;
  readonly size: number;
};

/** KafkaJS answers once for each partition of a send. */
export type RecordMetadata = {
  readonly topicName: string;
  readonly partition: number;
  readonly errorCode: 0;
  /** The offset of the first message, or -1 where it is not known: in a transaction, before its commit. */
  readonly baseOffset: string;
  readonly logAppendTime: string;
  readonly logStartOffset: string;
};

/** @param partition what the program's partitioner has chosen. */
export function toSdkMessage(message: KafkaJsMessage, partition = message.partition): Message {
  const { key = null, value, headers, timestamp } = message;
  if (value === undefined)
    throw new KafkaJSNonRetriableError('Invalid message without value: expected text, bytes or null');
  return {
    key,
    value,
    ...(headers && { headers: toSdkHeaders(headers) }),
    ...(partition !== undefined && partition !== null && { partition }),
    ...(timestamp !== undefined && { timestamp: Number(timestamp) }),
  };
}

function toSdkHeaders(headers: IHeaders): MessageHeaders {
  return Object.entries(headers).flatMap(([key, values]) =>
    [values].flat().map((value) => ({ key, value: value ?? null })),
  );
}

export function toKafkaMessage({ key, value, timestamp, offset, headers }: ConsumedMessage): KafkaMessage {
  return {
    ...{ key, value, timestamp: String(timestamp), attributes: 0, offset: String(offset) },
    headers: headers.length === 0 ? {} : toHeaders(headers),
    size: (key?.length ?? 0) + (value?.length ?? 0),
  };
}

/** A name that occurs several times gets a list. A name from outside must not reach the prototype of the object. */
function toHeaders(headers: ConsumedMessage['headers']): IHeaders {
  const all = new Map<string, Buffer | string | (Buffer | string)[] | undefined>();
  for (const { key, value } of headers) {
    const own = value ?? undefined;
    const before = all.get(key);
    all.set(key, all.has(key) && own !== undefined ? [before ?? [], own].flat() : own);
  }
  return Object.fromEntries(all);
}

/** One result for each partition, in the order in which the messages name them. */
export function toRecordMetadata(results: readonly SdkMetadata[]): RecordMetadata[] {
  const first = new Map<string, SdkMetadata>();
  for (const result of results) {
    const key = `${result.partition} ${result.topic}`;
    const before = first.get(key);
    if (!before || result.offset < before.offset) first.set(key, result);
  }
  return [...first.values()].map(({ topic, partition, offset }) => ({
    ...{
      topicName: topic,
      partition,
      errorCode: 0,
      baseOffset: String(offset),
      logAppendTime: '-1',
      logStartOffset: '-1',
    },
  }));
}

/** Reads an offset that a program gives as text. */
export function wholeText(field: string, given: string | number): number {
  const offset = /^-?\d{1,16}$/.test(String(given)) ? Number(given) : Number.NaN;
  if (Number.isSafeInteger(offset)) return offset;
  throw new KafkaJSNonRetriableError(`${field}: expected a whole number as text, got ${JSON.stringify(given)}`);
}
