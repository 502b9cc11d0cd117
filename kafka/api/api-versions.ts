// ApiVersions (18). Says which APIs are served, in which versions. It is the first request of every client.
//
// Versions 0 to 4. A client that asks in a later version gets the reply of version 0 with UNSUPPORTED_VERSION and the whole
// list, so that it can ask again; dispatch.ts does that. The list has only what works. Features are told from version 4 on:
// earlier clients refuse one whose first version is 0. The connection keeps the name of the client's software, which the client
// tells from version 3 on.
import { type Api, defineApi } from '../api.ts';
import { code } from '../errors.ts';

export const apiVersionsKey = 18;
const firstVersionWithFeatures = 4;

/** The consumer protocol (KIP-848), and transactions whose end raises the epoch (KIP-890). */
const features = [
  { name: 'group.version', version: 1 },
  { name: 'transaction.version', version: 2 },
];
const supportedFeatures = features.map(({ name, version }) => ({ name, minVersion: 0, maxVersion: version }));
const finalizedFeatures = features.map(({ name, version }) => ({
  ...{ name, minVersionLevel: version, maxVersionLevel: version },
}));

type ListedApi = { readonly apiKey: number; readonly minVersion: number; readonly maxVersion: number };

/** `others` are the APIs beside this one. */
export function apiVersionsOf(others: readonly Api[]): Api & { readonly apiKeys: readonly ListedApi[] } {
  const key = apiVersionsKey;
  const versions = [0, 4] as const;
  const apiKeys = [...others, { key, versions }]
    .map((api) => ({ apiKey: api.key, minVersion: api.versions[0], maxVersion: api.versions[1] }))
    .sort((a, b) => a.apiKey - b.apiKey);
  const api = defineApi<{ readonly clientSoftwareName?: string }, object>({
    ...{ key, versions, overlaps: true },
    async answer(_gateway, { clientSoftwareName = '' }, { client, version }) {
      client.softwareName = clientSoftwareName;
      return {
        ...{ errorCode: code.none, apiKeys },
        ...(version >= firstVersionWithFeatures && { supportedFeatures, finalizedFeatures, finalizedFeaturesEpoch: 0 }),
      };
    },
  });
  return { ...api, apiKeys };
}
