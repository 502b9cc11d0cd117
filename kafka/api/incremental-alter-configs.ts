// IncrementalAlterConfigs (44). Changes the configurations of topics that are named: sets them, puts back their defaults, adds to
// lists, and takes away from them.
//
// Versions 0 to 1. Deviation: the node's configurations cannot be changed. They can be put back to their defaults, which they
// have: kafka-reassign-partitions does that when it ends.
import { type AlterReply, alterResources } from '../alter-resource.ts';
import { defineApi } from '../api.ts';
import { type ConfigOperation, changesOf, isDeletion } from '../config-changes.ts';

type Request = { readonly resources: readonly ResourceRequest[]; readonly validateOnly: boolean };

type ResourceRequest = {
  readonly resourceType: number;
  readonly resourceName: string;
  readonly configs: readonly ConfigOperation[];
};

type Reply = { readonly responses: readonly AlterReply[] };

export const incrementalAlterConfigs = defineApi<Request, Reply>({
  key: 44,
  versions: [0, 1],
  overlaps: false,
  async answer(gateway, { resources, validateOnly }) {
    const alterTopic = ({ resourceName, configs }: ResourceRequest) =>
      gateway.engine.alterTopic({ topic: resourceName, config: (set) => changesOf(configs, set), validateOnly });
    const keepsNode = ({ configs }: ResourceRequest) => configs.every(isDeletion);
    return { responses: await alterResources(gateway, resources, { alterTopic, keepsNode }) };
  },
});
