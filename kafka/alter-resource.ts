// The two ways to change configurations share this: which resources can be changed, and that a request names each once.

import { RivuletError } from '../lib/api/errors.ts';
import { inParallel } from '../lib/runtime/concurrency.ts';
import type { Gateway } from './api.ts';
import { isNode, listOfNodes } from './cluster.ts';
import { changeCode, code, type Failure, messageOf } from './errors.ts';
import { resourceType as types } from './topic-configs.ts';

type Resource = {
  readonly resourceType: number;
  readonly resourceName: string;
  readonly configs: readonly { readonly name: string }[];
};

export type AlterReply = {
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly resourceType: number;
  readonly resourceName: string;
};

const resourcesAtOnce = 8;

type Changes<R> = {
  /** Throws a RivuletError. */
  readonly alterTopic: (resource: R) => Promise<unknown>;
  /** Whether the request leaves the node as it is. */
  readonly keepsNode: (resource: R) => boolean;
};

/** In the order of the request. A resource that is named twice is refused. */
export function alterResources<R extends Resource>(
  gateway: Gateway,
  resources: readonly R[],
  changes: Changes<R>,
): Promise<AlterReply[]> {
  const groups = [...Map.groupBy(resources, ({ resourceType, resourceName }) => `${resourceType} ${resourceName}`)];
  return inParallel(groups, resourcesAtOnce, async ([, [resource, ...others]]) => {
    const { resourceType, resourceName } = resource!;
    const failure = others.length > 0 ? repeated : await alterOne(gateway, resource!, changes);
    return { errorCode: code.none, errorMessage: null, ...failure, resourceType, resourceName };
  });
}

const repeated = invalid('resources: expected each resource once, got one again');

async function alterOne<R extends Resource>(
  { cluster }: Gateway,
  resource: R,
  { alterTopic, keepsNode }: Changes<R>,
): Promise<Failure | undefined> {
  const { resourceType, resourceName, configs } = resource;
  if (new Set(configs.map(({ name }) => name)).size < configs.length)
    return invalid('configs: expected each configuration once, got one again');
  const isOurs = resourceName === '' || isNode(cluster, Number(resourceName));
  if (resourceType === types.broker && isOurs) return keepsNode(resource) ? undefined : invalid(fixed);
  if (resourceType !== types.topic)
    return invalid(
      `resource: expected a topic (2) or one of the nodes ${listOfNodes(cluster)} (4), got type ${resourceType}`,
    );
  try {
    await alterTopic(resource);
    return undefined;
  } catch (error) {
    if (!(error instanceof RivuletError)) throw error;
    return { errorCode: changeCode(error), errorMessage: messageOf(error) };
  }
}

const fixed = 'the configurations of the node cannot be changed: it has no state of its own';

function invalid(errorMessage: string): Failure {
  return { errorCode: code.invalidRequest, errorMessage };
}
