// ListConfigResources (74). Lists what has configurations: topics and nodes.
//
// Versions 0 to 1. Version 0 asks for the metrics that clients are to send, and there are none. Deviation: groups have no
// configurations of their own.
import { RivuletError } from '../../lib/api/errors.ts';
import { defineApi, type Gateway } from '../api.ts';
import { code, readCode } from '../errors.ts';
import { resourceType } from '../topic-configs.ts';
import { allTopics } from '../topic-names.ts';

type Request = { readonly resourceTypes: readonly number[] };

type Reply = { readonly errorCode: number; readonly configResources: readonly Resource[] };

type Resource = { readonly resourceName: string; readonly resourceType: number };

const { topic, broker } = resourceType;
/** Kafka's other types: loggers of a broker, metrics of clients, groups. */
const others = [8, 16, 32];
const firstVersionWithTypes = 1;

export const listConfigResources = defineApi<Request, Reply>({
  key: 74,
  versions: [0, 1],
  overlaps: true,
  takesTurns: true,
  async answer(gateway, request, { version }) {
    if (version < firstVersionWithTypes) return { errorCode: code.none, configResources: [] };
    const types = request.resourceTypes.length > 0 ? request.resourceTypes : [topic, broker];
    const isKnown = types.every((type) => [topic, broker, ...others].includes(type));
    if (!isKnown) return { errorCode: code.unsupportedVersion, configResources: [] };
    try {
      return { errorCode: code.none, configResources: await resourcesOf(gateway, new Set(types)) };
    } catch (error) {
      if (!(error instanceof RivuletError)) throw error;
      return { errorCode: readCode(error), configResources: [] };
    }
  },
});

async function resourcesOf({ engine, cluster }: Gateway, types: ReadonlySet<number>): Promise<Resource[]> {
  const topics = types.has(topic) ? await allTopics(engine) : [];
  const nodes = types.has(broker) ? cluster.nodes : [];
  return [
    ...topics.map((found) => ({ resourceName: found.topic, resourceType: topic })),
    ...nodes.map(({ nodeId }) => ({ resourceName: String(nodeId), resourceType: broker })),
  ];
}
