// Turns the rows of the table into readers and writers: closures for one message in one version, made when it is first
// used. So the protocol is data, and no code exists for versions that nobody speaks.
//
// Invariant: a value that is read has every field of its message. A field that the version lacks has its default, and a
// writer puts the default where a value has no such field.
import { type FieldRow, isWithin, messageRow } from '../schema/table.ts';
import { MalformedFrameError } from './malformed-frame.ts';
import { type FrameReader, mostTextBytes } from './reader.ts';
import { FrameWriter } from './writer.ts';

type Read = (reader: FrameReader) => unknown;
type Write = (writer: FrameWriter, value: unknown) => void;
type Struct = Record<string, unknown>;

/** `leastBytes` is the size of the smallest value: a count is held against it. */
type Codec = { readonly read: Read; readonly write: Write; readonly leastBytes: number };

export type MessageCodec = {
  read(reader: FrameReader): unknown;
  write(writer: FrameWriter, message: object): void;
};

const compiled = new Map<string, MessageCodec>();

/** Any version can be had, also one that this Kafka no longer speaks: what its fields were is still in the table. */
export function codecOf(name: string, version: number): MessageCodec {
  const id = `${name}/${version}`;
  const known = compiled.get(id);
  if (known) return known;
  const { fields, flexible } = messageRow(name);
  const codec = structCodec(fields, { version, isFlexible: isWithin(version, flexible) });
  compiled.set(id, codec);
  return codec;
}

type Form = { readonly version: number; readonly isFlexible: boolean };

function structCodec(rows: readonly FieldRow[], form: Form): Codec {
  const { version, isFlexible } = form;
  const here = rows.filter((row) => isWithin(version, row.versions) && !isTagged(row, form));
  const plain = here.map((row) => ({ ...row, ...fieldCodec(row, form), fallback: fallbackOf(row, form) }));
  const tags = taggedCodec(rows, form);
  const absent = rows
    .filter((row) => !here.includes(row))
    .map((row) => ({ name: row.name, fallback: fallbackOf(row, form) }));
  return {
    leastBytes: plain.reduce((sum, { leastBytes }) => sum + leastBytes, isFlexible ? 1 : 0),
    read: (reader) => {
      const struct: Struct = {};
      for (const { name, read } of plain) struct[name] = read(reader);
      for (const { name, fallback } of absent) struct[name] = fallback;
      if (isFlexible) tags.read(reader, struct);
      return struct;
    },
    write: (writer, value) => {
      const struct = value as Struct;
      for (const { name, write, fallback } of plain) {
        const given = struct[name];
        write(writer, given === undefined ? fallback : given);
      }
      if (isFlexible) tags.write(writer, struct);
    },
  };
}

const isTagged = (row: FieldRow, { version }: Form): boolean =>
  row.tag !== undefined && isWithin(version, row.tagged ?? row.versions);

// --- tagged fields

type TaggedCodec = {
  read(reader: FrameReader, struct: Struct): void;
  write(writer: FrameWriter, struct: Struct): void;
};

/** A tag and a size. */
const leastTagBytes = 2;

/** The fields in the order of their tags. A tag that this version does not know is skipped, as the protocol wants it. */
function taggedCodec(rows: readonly FieldRow[], form: Form): TaggedCodec {
  const tagged = rows
    .filter((row) => isWithin(form.version, row.versions) && isTagged(row, form))
    .map((row) => ({ name: row.name, tag: row.tag!, ...fieldCodec(row, form), isDefault: defaultTest(row, form) }))
    .sort((a, b) => a.tag - b.tag);
  const byTag = new Map(tagged.map((field) => [field.tag, field]));
  return {
    read: (reader, struct) => {
      const count = reader.uvarint();
      reader.checkCount(count, leastTagBytes);
      for (let left = count; left > 0; left--) {
        const field = byTag.get(reader.uvarint());
        const size = reader.uvarint();
        if (field) struct[field.name] = wholeField(reader, field.read, size);
        else reader.skip(size);
      }
    },
    write: (writer, struct) => {
      const given = tagged.filter(({ name, isDefault }) => struct[name] !== undefined && !isDefault(struct[name]));
      writer.uvarint(given.length);
      for (const { name, tag, write } of given) {
        const value = new FrameWriter();
        write(value, struct[name]);
        writer.uvarint(tag);
        writer.uvarint(value.length);
        for (const chunk of value.finish()) writer.bytes(chunk);
      }
    },
  };
}

function wholeField(reader: FrameReader, read: Read, size: number): unknown {
  const end = reader.at + size;
  const value = read(reader);
  if (reader.at === end) return value;
  throw new MalformedFrameError(`byte ${reader.at}: expected a tagged field of ${size} bytes to end at ${end}`);
}

// --- fields

function fieldCodec(row: FieldRow, form: Form): Codec {
  const isFlexible = row.flexible === undefined ? form.isFlexible : isWithin(form.version, row.flexible);
  const inner = { ...form, isFlexible };
  const isNullable = isWithin(form.version, row.nullable);
  const codec = row.type.startsWith('[]')
    ? listCodec(elementCodec(row.type.slice(2), row, inner), isFlexible)
    : row.type === 'struct' && isNullable
      ? nullable(elementCodec('struct', row, inner))
      : elementCodec(row.type, row, inner);
  return isNullable ? codec : present(row.name, codec);
}

const elementCodec = (type: string, row: FieldRow, form: Form): Codec =>
  type === 'struct' ? structCodec(row.fields!, form) : plainCodec(type, form.isFlexible);

/** A client that sends null where there is no null is no client. Our own null would be a fault of ours. */
function present(name: string, { read, write, leastBytes }: Codec): Codec {
  return {
    leastBytes,
    read: (reader) => {
      const value = read(reader);
      if (value === null) throw new MalformedFrameError(`byte ${reader.at}: expected a value of ${name}, got null`);
      return value;
    },
    write: (writer, value) => {
      if (value === null || value === undefined) throw new Error(`expected a value of ${name}, got ${value}`);
      write(writer, value);
    },
  };
}

const nullable = ({ read, write }: Codec): Codec => ({
  leastBytes: 1,
  read: (reader) => (reader.int8() < 0 ? null : read(reader)),
  write: (writer, value) => {
    writer.int8(value === null ? -1 : 1);
    if (value !== null) write(writer, value);
  },
});

function listCodec(element: Codec, isFlexible: boolean): Codec {
  return {
    leastBytes: isFlexible ? 1 : 4,
    read: (reader) => {
      const count = reader.lengthPrefix(isFlexible, false);
      if (count === undefined) return null;
      reader.checkCount(count, element.leastBytes);
      const list: unknown[] = [];
      for (let i = 0; i < count; i++) list.push(element.read(reader));
      return list;
    },
    write: (writer, value) => {
      const list = value as readonly unknown[] | null;
      writer.lengthPrefix(list?.length, isFlexible, false);
      for (const one of list ?? []) element.write(writer, one);
    },
  };
}

/** A type of fixed size has the methods of its name in the reader and in the writer. */
const sizes = { bool: 1, int8: 1, int16: 2, uint16: 2, int32: 4, int64: 8, float64: 8, uuid: 16 } as const;
const isSized = (type: string): type is keyof typeof sizes => Object.hasOwn(sizes, type);

function plainCodec(type: string, isFlexible: boolean): Codec {
  if (isSized(type))
    return {
      leastBytes: sizes[type],
      read: (reader) => reader[type](),
      write: (writer, value) => (writer[type] as (value: unknown) => void)(value),
    };
  return type === 'string' ? stringCodec(isFlexible) : bytesCodec(isFlexible);
}

function stringCodec(isFlexible: boolean): Codec {
  return {
    leastBytes: isFlexible ? 1 : 2,
    read: (reader) => {
      const length = reader.lengthPrefix(isFlexible, true);
      return length === undefined ? null : reader.text(length);
    },
    write: (writer, value) => {
      if (value === null) return writer.lengthPrefix(undefined, isFlexible, true);
      const text = fitting(value as string);
      const length = Buffer.byteLength(text);
      writer.lengthPrefix(length, isFlexible, true);
      writer.text(text, length);
    },
  };
}

/** An error text that quotes a long name may be longer than an int16 can say. Its end is cut off, at a whole character. */
function fitting(text: string): string {
  if (text.length * mostBytesOfUnit <= mostTextBytes || Buffer.byteLength(text) <= mostTextBytes) return text;
  return text.slice(0, new TextEncoder().encodeInto(text, new Uint8Array(mostTextBytes)).read);
}

/** A unit of UTF-16 takes so many bytes of UTF-8. */
const mostBytesOfUnit = 3;

/** Bytes may be given in pieces: the batches of a fetch come as they are stored. */
function bytesCodec(isFlexible: boolean): Codec {
  return {
    leastBytes: isFlexible ? 1 : 4,
    read: (reader) => {
      const length = reader.lengthPrefix(isFlexible, false);
      return length === undefined ? null : reader.bytes(length);
    },
    write: (writer, value) => {
      const pieces = piecesOf(value as Uint8Array | readonly Uint8Array[] | null);
      const length = pieces?.reduce((sum, piece) => sum + piece.length, 0);
      writer.lengthPrefix(length, isFlexible, false);
      for (const piece of pieces ?? []) writer.bytes(piece);
    },
  };
}

const piecesOf = (value: Uint8Array | readonly Uint8Array[] | null): readonly Uint8Array[] | null =>
  value instanceof Uint8Array ? [value] : value;

// --- defaults

const zeroUuid = 'A'.repeat(22);
const noBytes = new Uint8Array(0);
const noElements: readonly never[] = Object.freeze([]);

/** A struct that a message lacks has all its defaults; the writer fills them in. */
function fallbackOf(row: FieldRow, form: Form): unknown {
  if (row.default !== undefined) return row.default;
  if (row.type.startsWith('[]')) return noElements;
  if (row.type === 'struct')
    return Object.freeze(Object.fromEntries(row.fields!.map((inner) => [inner.name, fallbackOf(inner, form)])));
  if (row.type === 'string') return '';
  if (row.type === 'bool') return false;
  if (row.type === 'uuid') return zeroUuid;
  if (isSized(row.type)) return 0;
  return row.type === 'bytes' ? noBytes : null;
}

function defaultTest(row: FieldRow, form: Form): (value: unknown) => boolean {
  const fallback = fallbackOf(row, form);
  if (row.type.startsWith('[]')) return (value) => isSameList(value, fallback);
  if (row.type !== 'struct' || fallback === null) return (value) => value === fallback;
  const inner = row.fields!.map((field) => ({ name: field.name, isDefault: defaultTest(field, form) }));
  return (value) =>
    inner.every(({ name, isDefault }) => {
      const given = (value as Struct)[name];
      return given === undefined || isDefault(given);
    });
}

const isSameList = (value: unknown, fallback: unknown): boolean =>
  value === null || fallback === null ? value === fallback : (value as readonly unknown[]).length === 0;
