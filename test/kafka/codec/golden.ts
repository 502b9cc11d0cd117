// The bytes that Kafka's own classes made of every message (Golden.java), and the values that they hold.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { codecOf } from '../../../kafka/codec/compile.ts';
import { FrameReader } from '../../../kafka/codec/reader.ts';
import { FrameWriter } from '../../../kafka/codec/writer.ts';
import { type FieldRow, isWithin, messageRow } from '../../../kafka/schema/table.ts';

export type GoldenMessage = {
  readonly name: string;
  readonly version: number;
  readonly kind: 'full' | 'bare';
  readonly bytes: Buffer;
};

export const goldenMessages: readonly GoldenMessage[] = gunzipSync(
  readFileSync(new URL('../../fixtures/kafka/messages.jsonl.gz', import.meta.url)),
)
  .toString()
  .trim()
  .split('\n')
  .map((line) => {
    const [name, version, kind, hex] = JSON.parse(line) as [string, number, 'full' | 'bare', string];
    return { name, version, kind, bytes: Buffer.from(hex, 'hex') };
  });

type Struct = Record<string, unknown>;

/** Golden.java has put this into the message. */
export function goldenValue({ name, version, kind }: Omit<GoldenMessage, 'bytes'>): Struct {
  return (kind === 'full' ? fullStruct : bareStruct)(messageRow(name).fields, version);
}

function fullStruct(fields: readonly FieldRow[], version: number): Struct {
  const here = fields.filter(({ versions }) => isWithin(version, versions));
  return Object.fromEntries(here.map((field) => [field.name, fullValue(field, version)]));
}

function fullValue(field: FieldRow, version: number): unknown {
  const { type, fields = [], name } = field;
  const value = type.endsWith('struct') ? fullStruct(fields, version) : plainValue(type.replace('[]', ''), name);
  return type.startsWith('[]') ? [value] : value;
}

function plainValue(type: string, name: string): unknown {
  if (type === 'string') return name;
  if (type === 'uuid') return Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex').toString('base64url');
  const numbers = { int8: 7, int16: 700, uint16: 40_000, int32: 70_000, int64: 5_000_000_000, float64: 0.5 };
  if (type in numbers) return numbers[type as keyof typeof numbers];
  return type === 'bool' ? true : Buffer.from([1, 2, 3]);
}

function bareStruct(fields: readonly FieldRow[], version: number): Struct {
  const lists = fields.filter(({ type, versions }) => type === '[]struct' && isWithin(version, versions));
  return Object.fromEntries(lists.map((list) => [list.name, [bareStruct(list.fields!, version)]]));
}

export function encoded(name: string, version: number, value: object): Buffer {
  const writer = new FrameWriter();
  codecOf(name, version).write(writer, value);
  return Buffer.concat(writer.finish());
}

export function decoded(name: string, version: number, bytes: Uint8Array): Struct {
  const reader = new FrameReader(bytes);
  const value = codecOf(name, version).read(reader) as Struct;
  if (reader.left > 0) throw new Error(`${name} v${version}: ${reader.left} bytes are left`);
  return value;
}
