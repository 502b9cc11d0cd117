// A handler's own types of its request and reply are held to the table: the codec knows nothing of them, so that a wrong name
// would read as undefined and be written as a default.
import { readdirSync, readFileSync } from 'node:fs';
import { parseSync } from 'oxc-parser';
import { describe, expect, test } from 'vitest';
import { apis } from '../../kafka/apis.ts';
import { nameOfApi } from '../../kafka/codec/frame.ts';
import { type FieldRow, messageRow } from '../../kafka/schema/table.ts';

const folder = new URL('../../kafka/api/', import.meta.url);
const shared = ['../topic-configs.ts', '../cluster.ts', '../alter-resource.ts', '../config-changes.ts'];

// biome-ignore lint/suspicious/noExplicitAny: the nodes of a syntax tree
type Node = any;

const typesIn = (path: URL): Map<string, Node> => {
  const { program } = parseSync(path.pathname, readFileSync(path, 'utf8'));
  const statements = program.body.map((one: Node) => one.declaration ?? one);
  const types = statements.filter(({ type }: Node) => type === 'TSTypeAliasDeclaration');
  return new Map(types.map((one: Node) => [one.id.name, one.typeAnnotation]));
};

const sharedTypes = shared.flatMap((name) => [...typesIn(new URL(name, folder))]);

/** The names that a type has, with those of its inner types: `topics.partitions.offset`. */
function namesIn(node: Node, types: ReadonlyMap<string, Node>): string[] {
  if (node.type === 'TSTypeLiteral')
    return node.members.flatMap(({ key, typeAnnotation }: Node) => [
      key.name,
      ...namesIn(typeAnnotation.typeAnnotation, types).map((inner) => `${key.name}.${inner}`),
    ]);
  if (node.type === 'TSTypeReference' && types.has(node.typeName.name))
    return namesIn(types.get(node.typeName.name), types);
  if (node.type === 'TSIntersectionType' || node.type === 'TSUnionType')
    return node.types.flatMap((one: Node) => namesIn(one, types));
  if (node.type === 'TSTypeOperator' || node.type === 'TSParenthesizedType') return namesIn(node.typeAnnotation, types);
  if (node.type === 'TSArrayType') return namesIn(node.elementType, types);
  const isPlain = node.type.endsWith('Keyword') || node.typeName?.name === 'Uint8Array';
  if (isPlain) return [];
  throw new Error(`a type of a kind that this test does not know: ${node.type} ${node.typeName?.name ?? ''}`);
}

const rowNames = (fields: readonly FieldRow[]): string[] =>
  fields.flatMap(({ name, fields: inner = [] }) => [name, ...rowNames(inner).map((one) => `${name}.${one}`)]);

const keyIn = (source: string): number => Number(/^ {2}key: (\d+),/m.exec(source)?.[1]);

describe.each(readdirSync(folder).filter((name) => name !== 'api-versions.ts'))('%s', (name) => {
  const path = new URL(name, folder);
  const apiKey = keyIn(readFileSync(path, 'utf8'));
  const types = new Map([...sharedTypes, ...typesIn(path)]);

  test.each([
    ['Request', 'Request'],
    ['Reply', 'Response'],
  ])('its %s has only fields of the table', (type, message) => {
    expect(apis.has(apiKey)).toBe(true);
    const names = namesIn(types.get(type), types);
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((one) => !rowNames(messageRow(`${nameOfApi(apiKey)}${message}`).fields).includes(one))).toEqual(
      [],
    );
  });
});
