// Random messages of any version, by the rows of the table.
import fc from 'fast-check';
import { type FieldRow, isWithin, messageRow, messageRows, versionRange } from '../../../kafka/schema/table.ts';

export type AnyMessage = { readonly name: string; readonly version: number; readonly value: Record<string, unknown> };

export const anyMessage: fc.Arbitrary<AnyMessage> = fc
  .constantFrom(...messageRows)
  .chain(({ name, versions, fields }) => {
    const [first, last] = versionRange(versions);
    return fc
      .integer({ min: first, max: last })
      .chain((version) => structOf(fields, version).map((value) => ({ name, version, value })));
  });

/** Random messages of one kind, in one version. */
export const messageOf = (name: string, version: number): fc.Arbitrary<Record<string, unknown>> =>
  structOf(messageRow(name).fields, version);

export function structOf(fields: readonly FieldRow[], version: number): fc.Arbitrary<Record<string, unknown>> {
  const here = fields.filter(({ versions }) => isWithin(version, versions));
  return fc.record(Object.fromEntries(here.map((field) => [field.name, valueIn(field, version)])));
}

function valueIn(field: FieldRow, version: number): fc.Arbitrary<unknown> {
  const { type } = field;
  const one = type.endsWith('struct') ? structOf(field.fields!, version) : plain[type.replace('[]', '')]!;
  const value: fc.Arbitrary<unknown> = type.startsWith('[]') ? fc.array(one, { maxLength: 3 }) : one;
  return isWithin(version, field.nullable) ? fc.option(value) : value;
}

const whole = (bits: number) => fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 });
const bytes = fc.uint8Array({ maxLength: 3_000 }).map((some) => Buffer.from(some));

const plain: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  bool: fc.boolean(),
  int8: whole(8),
  int16: whole(16),
  uint16: fc.integer({ min: 0, max: 65_535 }),
  int32: whole(32),
  int64: fc.maxSafeInteger(),
  float64: fc.double({ noNaN: true }).map((value) => value + 0),
  uuid: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((some) => Buffer.from(some).toString('base64url')),
  string: fc.string({ unit: 'grapheme', maxLength: 40 }),
  bytes,
  records: bytes,
};
