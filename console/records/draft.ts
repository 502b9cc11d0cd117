// A record as a person types it, and the messages that it stands for.
// Invariant: text becomes exactly its UTF-8, and a text that cannot be read as what it claims to be is refused with its field.
import type { Message } from '../../client/message.ts';
import type { Row } from './row.ts';
import { isText, textOf } from './text.ts';

export const kinds = ['text', 'JSON', 'base64', 'null'] as const;
export type Kind = (typeof kinds)[number];
export type Typed = { readonly kind: Kind; readonly text: string };

export type Draft = {
  readonly key: Typed;
  readonly value: Typed;
  /** One `name=value` a line. */
  readonly headers: string;
  /** Empty: the key chooses it. */
  readonly partition: string;
  /** Epoch milliseconds or an ISO time. Empty: now. */
  readonly timestamp: string;
  readonly repeat: string;
};

export const emptyDraft: Draft = {
  key: { kind: 'text', text: '' },
  value: { kind: 'JSON', text: '{"hello": "world"}' },
  headers: '',
  partition: '',
  timestamp: '',
  repeat: '1',
};

export function draftOf({ key, value, headers, partition }: Row): Draft {
  const typed = (bytes: Buffer | null): Typed => {
    if (bytes === null) return { kind: 'null', text: '' };
    return isText(bytes) ? { kind: 'text', text: textOf(bytes) } : { kind: 'base64', text: bytes.toString('base64') };
  };
  const lines = headers.map((header) => `${header.key}=${header.value ? textOf(header.value) : ''}`);
  const [typedKey, typedValue] = [typed(key), typed(value)];
  return { ...emptyDraft, key: typedKey, value: typedValue, headers: lines.join('\n'), partition: String(partition) };
}

/** Throws a sentence that names the field. `{{i}}`, `{{uuid}}` and `{{now}}` stand for what changes from one to the next. */
export function messagesOf(draft: Draft, nowMs: number): Message[] {
  const repeat = whole(draft.repeat, 'repeat', 1, 100_000) ?? 1;
  return Array.from({ length: repeat }, (_, i) => messageOf(draft, (text) => filled(text, i, nowMs)));
}

function messageOf(draft: Draft, fill: (text: string) => string): Message {
  const partition = whole(draft.partition, 'partition', 0, 9_999);
  const timestamp = timeOf(draft.timestamp);
  const headers = fill(draft.headers)
    .split('\n')
    .filter((line) => line.trim() !== '');
  return {
    key: bytesOf(draft.key, 'key', fill),
    value: bytesOf(draft.value, 'value', fill),
    ...(headers.length > 0 && { headers: headers.map(headerOf) }),
    ...(partition !== undefined && { partition }),
    ...(timestamp !== undefined && { timestamp }),
  };
}

const filled = (text: string, i: number, nowMs: number): string =>
  text.replaceAll(/\{\{(i|uuid|now)\}\}/g, (_, name: string) =>
    name === 'i' ? String(i) : name === 'now' ? new Date(nowMs).toISOString() : crypto.randomUUID(),
  );

function bytesOf({ kind, text }: Typed, field: string, fill: (text: string) => string): string | Uint8Array | null {
  if (kind === 'null' || (field === 'key' && text === '')) return null;
  const whole = fill(text);
  if (kind === 'text') return whole;
  if (kind === 'base64') return base64Of(whole, field);
  try {
    JSON.parse(whole);
    return whole;
  } catch (error) {
    throw new Error(`${field}: expected JSON, got a text that is none: ${(error as Error).message}`);
  }
}

function base64Of(text: string, field: string): Uint8Array {
  const plain = text.trim();
  const bytes = Buffer.from(plain, 'base64');
  if (bytes.toString('base64') === plain) return bytes;
  throw new Error(`${field}: expected padded base64, got another text`);
}

function headerOf(line: string): { key: string; value: string } {
  const at = line.indexOf('=');
  if (at < 1) throw new Error(`headers: expected name=value in each line, got ${line}`);
  return { key: line.slice(0, at), value: line.slice(at + 1) };
}

function timeOf(text: string): number | undefined {
  if (text.trim() === '') return undefined;
  const ms = /^\d+$/.test(text.trim()) ? Number(text) : Date.parse(text);
  if (Number.isSafeInteger(ms) && ms >= 0) return ms;
  throw new Error(`timestamp: expected milliseconds or a time like 2026-01-31T12:00:00Z, got ${text}`);
}

function whole(text: string, field: string, min: number, max: number): number | undefined {
  if (text.trim() === '') return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw new Error(`${field}: expected a whole number from ${min} to ${max}, got ${text}`);
}
