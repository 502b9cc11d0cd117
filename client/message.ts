// This file defines the messages that applications give and get, and converts them to the records of a batch and back.
import { fieldName } from '../lib/api/refusal.ts';
import type { RecordHeader, RecordInput } from '../lib/record/batch.ts';
import type { RecordMaker } from '../lib/record/read-records.ts';
import { RivuletClientError } from './client-error.ts';
import { whyNotText } from './text.ts';

/** Text is sent as UTF-8. */
export type MessageBytes = string | Uint8Array | null;

export type MessageHeader = { readonly key: string; readonly value: MessageBytes };

/**
 * Headers are a list, in which keys may repeat and keep their order. Or they are an object, as in KafkaJS, where each value
 * of a list becomes a header. Beware: JavaScript puts those keys of an object first that are whole numbers.
 */
export type MessageHeaders =
  | readonly MessageHeader[]
  | Readonly<Record<string, MessageBytes | readonly MessageBytes[]>>;

/** `K` and `V` are what the producer's serializers take; without any, text or bytes. */
export type Message<K = MessageBytes, V = MessageBytes> = {
  readonly key?: K | null;
  /** A null value is a tombstone. */
  readonly value: V | null;
  readonly headers?: MessageHeaders;
  /** By default the key chooses the partition, as in Kafka. Without a key, each batch goes to one partition. */
  readonly partition?: number;
  /** Epoch milliseconds. Default: now. */
  readonly timestamp?: number;
};

/** `K` and `V` are what the consumer's deserializers make; without any, bytes. */
export type ConsumedMessage<K = Buffer, V = Buffer> = {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Epoch milliseconds. */
  readonly timestamp: number;
  /** Keys and values are views into the fetched bytes. Copy what you keep for long: a view holds the whole answer. */
  readonly key: K | null;
  readonly value: V | null;
  /** The headers as they were sent: they keep their order, and keys may repeat. */
  readonly headers: readonly { readonly key: string; readonly value: Buffer | null }[];
};

export type OutgoingRecord = RecordInput & {
  readonly partition: number | undefined;
  /** An upper bound of its bytes in a batch, before compression. */
  readonly sizeBytes: number;
};

/** The varints of a record that fits one batch take at most this many bytes. */
const recordOverheadBytes = 21;
const headerOverheadBytes = 10;
const noHeaders: readonly RecordHeader[] = [];

/**
 * @param at the message's index in its list. `where` is the name of that list. Errors name both.
 * @throws RivuletClientError INVALID_RECORD
 */
export function toRecord(message: Message, at: number, nowMs: number, where = 'messages'): OutgoingRecord {
  try {
    return recordOf(message, nowMs);
  } catch (error) {
    if (!(error instanceof Unfit)) throw error;
    const detail = `${where}[${at}].${error.message}`;
    throw new RivuletClientError('INVALID_RECORD', detail, { outcome: 'not-written' });
  }
}

/** Ends the conversion of a record at the first wrong field. It never leaves this file. */
class Unfit extends Error {}

function recordOf(message: Message, nowMs: number): OutgoingRecord {
  const key = toBytes(message.key ?? null, 'key');
  const value = toBytes(message.value, 'value');
  const headers = message.headers === undefined ? noHeaders : toHeaders(message.headers);
  let sizeBytes = recordOverheadBytes + (key?.length ?? 0) + (value?.length ?? 0);
  for (const header of headers) sizeBytes += headerOverheadBytes + header.key.length * 3 + (header.value?.length ?? 0);
  const timestampMs = toWhole(message.timestamp, 'timestamp') ?? nowMs;
  return { key, value, headers, timestampMs, partition: toWhole(message.partition, 'partition'), sizeBytes };
}

function toBytes(value: MessageBytes, field: string): Uint8Array | null {
  if (typeof value === 'string') return Buffer.from(wellFormed(value, field));
  if (value === null || value instanceof Uint8Array) return value;
  throw new Unfit(`${field}: expected text, bytes or null, got ${typeof value}`);
}

function wellFormed(text: string, field: string): string {
  const wrong = whyNotText(text);
  if (wrong) throw new Unfit(`${field}: ${wrong}`);
  return text;
}

function toHeaders(headers: MessageHeaders): RecordHeader[] {
  if (typeof headers !== 'object' || headers === null)
    throw new Unfit(`headers: expected a list of { key, value } or an object, got ${headers}`);
  if (Array.isArray(headers)) return headers.map(toHeader);
  return Object.entries(headers).flatMap(([key, given]) => {
    const field = fieldName('headers', [key]);
    const name = wellFormed(key, field);
    return [given].flat().map((value) => ({ key: name, value: toBytes(value, field) }));
  });
}

function toHeader(header: Partial<MessageHeader> | null, at: number): RecordHeader {
  const { key, value } = header ?? {};
  return {
    key: wellFormed(key as string, `headers[${at}].key`),
    value: toBytes(value as MessageBytes, `headers[${at}].value`),
  };
}

function toWhole(value: number | undefined, field: string): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && value >= 0)) return value;
  throw new Unfit(`${field}: expected a whole number from 0 to 2^53 - 1, got ${value}`);
}

/** Returns what makes the messages of one partition of the records that are read. */
export function messageMaker(topic: string, partition: number): RecordMaker<ConsumedMessage> {
  return (offset, timestamp, key, value, headers) => ({ topic, partition, offset, timestamp, key, value, headers });
}
