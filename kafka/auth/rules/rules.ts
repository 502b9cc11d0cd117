// The rules file: which principals may do which of Kafka's operations on what. There are rules that allow, and none that
// deny: nobody may do what no rule allows.
//
// Invariant: names are compared as they are, character by character. Nothing in them is decoded, split or normalised, so no
// spelling of a name reaches the resource of another.
import * as z from 'zod';
import { newCache } from '../../../lib/runtime/cache.ts';

export const operations = [
  'READ',
  'WRITE',
  'CREATE',
  'DELETE',
  'ALTER',
  'DESCRIBE',
  'CLUSTER_ACTION',
  'DESCRIBE_CONFIGS',
  'ALTER_CONFIGS',
  'IDEMPOTENT_WRITE',
] as const;
export type Operation = (typeof operations)[number];

export type ResourceKind = 'topic' | 'group' | 'transactionalId' | 'cluster';

/** The rights of one principal. */
export type Rights = {
  /** The cluster has no name. */
  may(operation: Operation, kind: ResourceKind, name?: string): boolean;
  /** Whether there is any resource of the kind on which it may. */
  mayOnSome(operation: Operation, kind: ResourceKind): boolean;
};

export type Rules = { rightsOf(principal: string): Rights };

export const everything: Rights = { may: () => true, mayOnSome: () => true };

/** As in Apache Kafka: whoever may read a topic may also know that it exists. */
const implied: { readonly [operation in Operation]?: readonly Operation[] } = {
  READ: ['DESCRIBE'],
  WRITE: ['DESCRIBE'],
  DELETE: ['DESCRIBE'],
  ALTER: ['DESCRIBE'],
  ALTER_CONFIGS: ['DESCRIBE_CONFIGS'],
};

const names = z.array(z.string().min(1)).default([]);
/** The empty prefix is that of every name. */
const prefixes = z.array(z.string()).default([]);

const rule = z.strictObject({
  principals: z.array(z.string().min(1)).min(1),
  operations: z.array(z.enum([...operations, 'ALL'])).min(1),
  topics: names,
  topicPrefixes: prefixes,
  groups: names,
  groupPrefixes: prefixes,
  transactionalIds: names,
  transactionalIdPrefixes: prefixes,
  cluster: z.boolean().default(false),
});

const file = z.strictObject({ version: z.literal(1), rules: z.array(rule) });

type Rule = z.output<typeof rule>;

const principalsKept = 10_000;

/** Throws an error that names the field. */
export function readRules(text: string): Rules {
  const { data, error } = file.safeParse(jsonIn(text));
  if (!data) {
    const { path, message } = error.issues[0]!;
    throw new Error(`rules file: ${path.join('.') || 'its content'}: ${message}`);
  }
  const known = newCache<Rights>(principalsKept);
  return {
    rightsOf(principal) {
      const rights = known.get(principal) ?? rightsIn(data.rules.filter((one) => isFor(principal, one)));
      known.set(principal, rights);
      return rights;
    },
  };
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`rules file: expected JSON: ${(error as Error).message}`);
  }
}

/** A pattern is a principal, or the beginning of some with a star behind it. */
const isFor = (principal: string, { principals }: Rule): boolean =>
  principals.some((pattern) =>
    pattern.endsWith('*') ? principal.startsWith(pattern.slice(0, -1)) : principal === pattern,
  );

type Grant = { readonly names: Set<string>; readonly prefixes: string[] };

function rightsIn(rules: readonly Rule[]): Rights {
  const grants = new Map<string, Grant>();
  for (const one of rules)
    for (const operation of operationsOf(one))
      for (const [kind, names, prefixes] of resourcesOf(one)) {
        const id = `${operation} ${kind}`;
        const grant = grants.get(id) ?? { names: new Set(), prefixes: [] };
        for (const name of names) grant.names.add(name);
        grant.prefixes.push(...prefixes);
        grants.set(id, grant);
      }
  return {
    may(operation, kind, name = clusterName) {
      const grant = grants.get(`${operation} ${kind}`);
      return !!grant && (grant.names.has(name) || grant.prefixes.some((prefix) => name.startsWith(prefix)));
    },
    mayOnSome: (operation, kind) => {
      const grant = grants.get(`${operation} ${kind}`);
      return !!grant && grant.names.size + grant.prefixes.length > 0;
    },
  };
}

function operationsOf(one: Rule): readonly Operation[] {
  if (one.operations.includes('ALL')) return operations;
  const named = one.operations.filter((operation) => operation !== 'ALL');
  return [...new Set(named.flatMap((operation) => [operation, ...(implied[operation] ?? [])]))];
}

const clusterName = 'kafka-cluster';

const resourcesOf = (one: Rule): [ResourceKind, names: readonly string[], prefixes: readonly string[]][] => [
  ['topic', one.topics, one.topicPrefixes],
  ['group', one.groups, one.groupPrefixes],
  ['transactionalId', one.transactionalIds, one.transactionalIdPrefixes],
  ['cluster', one.cluster ? [clusterName] : [], []],
];
