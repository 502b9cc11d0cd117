// This file takes one named thing out of a source file, or changes it, so that a test can see what is missed without
// it. A name that does not occur exactly once is an error, because then the list of mutants is older than the code. A
// name is a path: `neverSeen.notEvicted` is the thing that the top-level declaration `neverSeen` calls `notEvicted`.
import { parseSync } from 'oxc-parser';

export type Change = {
  /** Conditions and properties are left out of every list that contains them. Functions do nothing. */
  readonly drop?: string | readonly string[];
  /** Gives, by name, the new value of a constant or a property, or the new result of a function. */
  readonly turn?: Readonly<Record<string, string>>;
  /** Changes code that has no name. The text must be in the file exactly once. */
  readonly text?: readonly [find: string, replace: string];
};

type Node = { readonly type: string; readonly start: number; readonly end: number; readonly [field: string]: unknown };
type Edit = { readonly start: number; readonly end: number; readonly by: string };
/** `scope` is the node within which the name has this meaning. */
type Definition = { readonly node: Node; readonly value: Node; readonly name: string; readonly scope: Node };

export function changed(source: string, { drop = [], turn = {}, text }: Change): string {
  const program = parsed(source);
  const edits = [
    ...[drop].flat().flatMap((path) => dropping(source, found(program, path))),
    ...Object.entries(turn).map(([path, by]) => turning(found(program, path), by)),
    ...(text ? [replacing(source, text)] : []),
  ];
  const result = edits
    .sort((a, b) => b.start - a.start)
    .reduce((left, { start, end, by }) => left.slice(0, start) + by + left.slice(end), source);
  parsed(result);
  return result;
}

function parsed(source: string): Node {
  const { program, errors } = parseSync('source.ts', source);
  if (errors[0]) throw new Error(`the source does not parse: ${errors[0].message}`);
  return program as unknown as Node;
}

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && 'type' in value;
const nodesOf = (node: Node, field: string): readonly Node[] => ([node[field]].flat() as unknown[]).filter(isNode);
const nameOf = (value: unknown): string | undefined =>
  isNode(value) && value.type === 'Identifier' ? (value.name as string) : undefined;

function* within(node: Node): Generator<Node> {
  yield node;
  for (const field of Object.keys(node)) for (const child of nodesOf(node, field)) yield* within(child);
}

// --- finding

function found(program: Node, path: string): Definition {
  let scope = program;
  let definition: Definition | undefined;
  for (const name of path.split('.')) {
    const candidates = scope === program ? topLevel(program) : within(scope);
    const all = [...candidates].flatMap((node) => definitionsIn(node, scope)).filter((each) => each.name === name);
    if (all.length !== 1) throw new Error(`${path}: ${name} is defined ${all.length} times`);
    definition = all[0]!;
    scope = definition.node;
  }
  return definition!;
}

const topLevel = (program: Node): Node[] =>
  nodesOf(program, 'body').flatMap((statement) => {
    const declared = statement.type === 'ExportNamedDeclaration' ? nodesOf(statement, 'declaration') : [statement];
    return declared.flatMap((node) => [node, ...nodesOf(node, 'declarations')]);
  });

function definitionsIn(node: Node, scope: Node): Definition[] {
  const define = (id: unknown, value: unknown): Definition[] => {
    const name = nameOf(id);
    return name !== undefined && isNode(value) ? [{ node, value, name, scope }] : [];
  };
  if (node.type === 'FunctionDeclaration') return define(node.id, node.body);
  if (node.type === 'VariableDeclarator') return define(node.id, node.init);
  if (node.type !== 'ObjectExpression') return [];
  return nodesOf(node, 'properties')
    .filter((property) => property.type === 'Property' && !property.shorthand)
    .flatMap((property) => define(property.key, property.value).map((each) => ({ ...each, node: property })));
}

// --- changing

function turning({ node, value }: Definition, by: string): Edit {
  if (node.type === 'FunctionDeclaration') return over(value, `{ return (${by}); }`);
  return over(value.type === 'ArrowFunctionExpression' ? (value.body as Node) : value, `(${by})`);
}

function dropping(source: string, definition: Definition): Edit[] {
  const { node, value } = definition;
  if (node.type === 'FunctionDeclaration') return [over(value, '{}')];
  if (value.type === 'ArrowFunctionExpression') return [over(value.body as Node, '{}')];
  if (node.type === 'Property') return [without(source, node)];
  return usesOf(definition).map((use) => without(source, use));
}

/** The elements of lists, arguments and objects that are this constant. The constant may be used nowhere else. */
function usesOf({ node, name, scope }: Definition): Node[] {
  const nodes = [...within(scope)];
  const isIt = (value: unknown) => nameOf(value) === name;
  const uses = nodes.flatMap((parent) => {
    const elements = [...nodesOf(parent, 'arguments'), ...nodesOf(parent, 'elements')];
    return parent.type === 'ObjectExpression'
      ? nodesOf(parent, 'properties').filter((property) => isIt(property.value))
      : elements.filter((element) => isIt(element) || (element.type === 'SpreadElement' && isIt(element.argument)));
  });
  const mentions = nodes.filter(isIt).filter(({ start }) => start !== node.start);
  const isCovered = ({ start, end }: Node) => uses.some((use) => use.start <= start && end <= use.end);
  if (uses.length === 0 || !mentions.every(isCovered))
    throw new Error(`${name} cannot be dropped: it is not only an element of lists`);
  return uses;
}

const over = ({ start, end }: Node, by: string): Edit => ({ start, end, by });

/** The edit removes the node together with the comma that follows it. */
function without(source: string, { start, end }: Node): Edit {
  const comma = /^\s*,/.exec(source.slice(end));
  return { start, end: end + (comma?.[0].length ?? 0), by: '' };
}

function replacing(source: string, [find, by]: readonly [string, string]): Edit {
  const count = source.split(find).length - 1;
  if (count !== 1) throw new Error(`the text to replace is ${count} times in the source: ${find}`);
  const start = source.indexOf(find);
  return { start, end: start + find.length, by };
}
