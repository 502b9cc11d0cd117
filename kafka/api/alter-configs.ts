// AlterConfigs (33). Replaces all configurations of topics: those that are not named go back to their defaults.
//
// Versions 0 to 2. Deviation: the node's configurations cannot be changed.
import { refused } from '../../lib/api/refusal.ts';
import { type AlterReply, alterResources } from '../alter-resource.ts';
import { defineApi, type Gateway } from '../api.ts';

type Request = { readonly resources: readonly ResourceRequest[]; readonly validateOnly: boolean };

type ResourceRequest = {
  readonly resourceType: number;
  readonly resourceName: string;
  readonly configs: readonly { readonly name: string; readonly value: string | null }[];
};

type Reply = { readonly responses: readonly AlterReply[] };

export const alterConfigs = defineApi<Request, Reply>({
  key: 33,
  versions: [0, 2],
  overlaps: false,
  async answer(gateway, { resources, validateOnly }) {
    const alterTopic = (resource: ResourceRequest) => replaceAll(gateway, resource, validateOnly);
    const keepsNode = ({ configs }: ResourceRequest) => configs.length === 0;
    return { responses: await alterResources(gateway, resources, { alterTopic, keepsNode }) };
  },
});

function replaceAll({ engine }: Gateway, { resourceName, configs }: ResourceRequest, validateOnly: boolean) {
  const wanted = configs.map(({ name, value }) => {
    if (value === null) throw refused('INVALID_REQUEST', `${name}: expected a value, got null`);
    return [name, value] as const;
  });
  const config = (set: Readonly<Record<string, string>>) => ({
    ...Object.fromEntries(Object.keys(set).map((name) => [name, null])),
    ...Object.fromEntries(wanted),
  });
  return engine.alterTopic({ topic: resourceName, config, validateOnly });
}
