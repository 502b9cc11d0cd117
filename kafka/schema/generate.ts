// Writes table.json. Run it by hand for the protocol of a newer Kafka. The definitions come out of the jar of kafka-clients:
//
//   mvn dependency:unpack -Dartifact=org.apache.kafka:kafka-clients:4.3.1 -DoutputDirectory=kafka-clients
//   node bin/node24.cjs kafka/schema/generate.ts kafka-clients/common/message > kafka/schema/table.json
//
// Invariant: the table holds facts of the interface (names, types, versions, tags, defaults) and none of Kafka's prose.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FieldRow, MessageRow } from './table.ts';

type Definition = {
  readonly apiKey?: number;
  readonly type: string;
  readonly name: string;
  readonly listeners?: readonly string[];
  readonly validVersions: string;
  readonly flexibleVersions: string;
  readonly fields: readonly DefinedField[];
  readonly commonStructs?: readonly { readonly name: string; readonly fields: readonly DefinedField[] }[];
};

type DefinedField = {
  readonly name: string;
  readonly type: string;
  readonly versions: string;
  readonly nullableVersions?: string;
  readonly flexibleVersions?: string;
  readonly taggedVersions?: string;
  readonly tag?: number;
  readonly default?: string | number | boolean;
  readonly fields?: readonly DefinedField[];
};

/** Later keys are of share groups and streams groups, which need stored states of their own, but for two of descriptions. */
const lastApiKey = 69;
const laterKeys = [74, 75];
const others = ['RequestHeader', 'ResponseHeader', 'ConsumerProtocolSubscription', 'ConsumerProtocolAssignment'];

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('the folder of the message definitions: expected a path, got nothing');

const definitions = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(withoutComments(readFileSync(join(folder, name), 'utf8'))) as Definition);
const offeredKeys = new Set(definitions.filter(isOffered).map(({ apiKey }) => apiKey));
const rows = definitions
  .filter(({ name, apiKey }) => (apiKey === undefined ? others.includes(name) : offeredKeys.has(apiKey)))
  .sort((a, b) => (a.apiKey ?? -1) - (b.apiKey ?? -1) || a.name.localeCompare(b.name))
  .map(rowOf);
console.log(`[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]`);

function withoutComments(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|\/\/.*$/gm, (found) => (found.startsWith('//') ? '' : found));
}

/** Only requests say who listens for them. */
function isOffered({ apiKey, listeners, validVersions }: Definition): boolean {
  if (apiKey === undefined || validVersions === 'none' || !listeners?.includes('broker')) return false;
  return apiKey <= lastApiKey || laterKeys.includes(apiKey);
}

function rowOf({ apiKey, name, validVersions, flexibleVersions, fields, commonStructs = [] }: Definition): MessageRow {
  const structs = new Map(commonStructs.map((struct) => [struct.name, struct.fields]));
  return {
    name,
    ...(apiKey !== undefined && { key: apiKey }),
    versions: validVersions,
    flexible: flexibleVersions,
    fields: fields.map((field) => fieldRowOf(field, structs)),
  };
}

function fieldRowOf(field: DefinedField, structs: ReadonlyMap<string, readonly DefinedField[]>): FieldRow {
  const { name, type, versions, nullableVersions, flexibleVersions, taggedVersions, tag } = field;
  const fields = field.fields ?? structs.get(type.replace('[]', ''));
  return {
    name: name[0]!.toLowerCase() + name.slice(1),
    type: fields ? (type.startsWith('[]') ? '[]struct' : 'struct') : type,
    versions,
    ...(nullableVersions !== undefined && { nullable: nullableVersions }),
    ...(flexibleVersions !== undefined && { flexible: flexibleVersions }),
    ...(tag !== undefined && { tag, tagged: taggedVersions! }),
    ...(field.default !== undefined && { default: defaultOf(type, field.default) }),
    ...(fields && { fields: fields.map((inner) => fieldRowOf(inner, structs)) }),
  };
}

function defaultOf(type: string, value: string | number | boolean): string | number | boolean | null {
  if (value === 'null') return null;
  if (type === 'bool') return String(value) === 'true';
  return /^(u?int|float)\d+$/.test(type) ? Number(value) : value;
}
