// DescribeConfigs (32). Lists the configurations of topics and of the node.
//
// Versions 1 to 4. Deviations: the node's configurations are those that tools look at, and nobody can change them. The
// documentation of a configuration says why its value means nothing here, where that is so.

import { RivuletError } from '../../lib/api/errors.ts';
import type { ConfigEntry } from '../../lib/api/topics.ts';
import { inParallel } from '../../lib/runtime/concurrency.ts';
import { defineApi, type Gateway } from '../api.ts';
import { isNode, listOfNodes } from '../cluster.ts';
import { configTypeOf } from '../config-types.ts';
import { code, type Failure, messageOf, readCode } from '../errors.ts';
import { nodeConfigs } from '../node-configs.ts';
import { type ConfigReply, configReply, nodeConfigReply, resourceType as types } from '../topic-configs.ts';

type Request = {
  readonly resources: readonly ResourceRequest[];
  readonly includeSynonyms: boolean;
  readonly includeDocumentation: boolean;
};

type ResourceRequest = {
  readonly resourceType: number;
  readonly resourceName: string;
  readonly configurationKeys: readonly string[] | null;
};

type Reply = { readonly results: readonly ResourceReply[] };

type ResourceReply = {
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly resourceType: number;
  readonly resourceName: string;
  readonly configs: readonly ConfigurationReply[];
};

type ConfigurationReply = ConfigReply & {
  readonly synonyms: readonly { readonly name: string; readonly value: string; readonly source: number }[];
  readonly configType: number;
  readonly documentation: string | null;
};

/** Stands for the configurations that all nodes would share. None can be set. */
const everyNode = '';
const resourcesAtOnce = 16;

export const describeConfigs = defineApi<Request, Reply>({
  key: 32,
  versions: [1, 4],
  overlaps: true,
  takesTurns: true,
  async answer(gateway, request) {
    const describe = (resource: ResourceRequest) => describeResource(gateway, resource, request);
    return { results: await inParallel(onceEach(request.resources), resourcesAtOnce, describe) };
  },
});

/** Each may have a hundred times the bytes in the reply. */
const onceEach = (resources: readonly ResourceRequest[]): ResourceRequest[] => [
  ...new Map(resources.map((one) => [`${one.resourceType} ${one.resourceName}`, one])).values(),
];

async function describeResource(gateway: Gateway, resource: ResourceRequest, request: Request): Promise<ResourceReply> {
  const { resourceType, resourceName, configurationKeys } = resource;
  try {
    const entries = await entriesOf(gateway, resource);
    if ('errorCode' in entries) return { ...entries, resourceType, resourceName, configs: [] };
    const names = configurationKeys && new Set(configurationKeys);
    const wanted = entries.filter(({ name }) => !names || names.has(name));
    const configs = wanted.map((entry) => replyOf(entry, resourceType, request));
    return { errorCode: code.none, errorMessage: null, resourceType, resourceName, configs };
  } catch (error) {
    if (!(error instanceof RivuletError)) throw error;
    const failure = { errorCode: readCode(error), errorMessage: messageOf(error) };
    return { ...failure, resourceType, resourceName, configs: [] };
  }
}

async function entriesOf(gateway: Gateway, resource: ResourceRequest): Promise<readonly ConfigEntry[] | Failure> {
  const { resourceType, resourceName } = resource;
  if (resourceType === types.topic) return (await gateway.engine.describeTopic(resourceName)).config;
  const { cluster } = gateway;
  if (resourceType === types.broker && isNode(cluster, Number(resourceName)))
    return nodeConfigs(gateway, Number(resourceName));
  if (resourceType === types.broker && resourceName === everyNode) return [];
  const expected = `a topic (2) or one of the nodes ${listOfNodes(cluster)} (4)`;
  const errorMessage = `resource: expected ${expected}, got type ${resourceType}`;
  return { errorCode: code.invalidRequest, errorMessage };
}

function replyOf(
  entry: ConfigEntry,
  resourceType: number,
  { includeSynonyms, includeDocumentation }: Request,
): ConfigurationReply {
  const config = resourceType === types.broker ? nodeConfigReply(entry) : configReply(entry);
  const { name, value, configSource: source } = config;
  return {
    ...config,
    synonyms: includeSynonyms ? [{ name, value, source }] : [],
    configType: configTypeOf(name),
    documentation: includeDocumentation ? (entry.note ?? null) : null,
  };
}
