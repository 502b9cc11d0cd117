// The resources that the SDK asks for. Names are encoded though valid ones need not be: an invalid one must reach the
// server as a name and be refused as one, not as another path.

const topic = (name: string): string => `/v1/topics/${encodeURIComponent(name)}`;
const group = (id: string): string => `/v1/groups/${encodeURIComponent(id)}`;

export const paths = {
  topics: '/v1/topics',
  topic,
  produce: (name: string) => `${topic(name)}/records`,
  fetch: (name: string) => `${topic(name)}/fetch`,
  offsets: (name: string) => `${topic(name)}/offsets`,
  partitionRecords: (name: string, partition: number) => `${topic(name)}/partitions/${partition}/records`,
  producers: '/v1/producers',
  groups: '/v1/groups',
  group,
  heartbeat: (id: string) => `${group(id)}/heartbeat`,
  groupOffsets: (id: string) => `${group(id)}/offsets`,
  resetOffsets: (id: string) => `${group(id)}/offsets/reset`,
} as const;
