// The APIs that are served. Clients are offered this list, and nothing else.

import { apiVersionsOf } from './api/api-versions.ts';
import { createPartitions } from './api/create-partitions.ts';
import { createTopics } from './api/create-topics.ts';
import { deleteTopics } from './api/delete-topics.ts';
import { describeCluster } from './api/describe-cluster.ts';
import { describeConfigs } from './api/describe-configs.ts';
import { fetch } from './api/fetch.ts';
import { findCoordinator } from './api/find-coordinator.ts';
import { initProducerId } from './api/init-producer-id.ts';
import { listOffsets } from './api/list-offsets.ts';
import { metadata } from './api/metadata.ts';
import { offsetForLeaderEpoch } from './api/offset-for-leader-epoch.ts';
import { produce } from './api/produce.ts';
import type { Api } from './api.ts';

const others: readonly Api[] = [
  produce,
  fetch,
  listOffsets,
  metadata,
  findCoordinator,
  createTopics,
  deleteTopics,
  initProducerId,
  offsetForLeaderEpoch,
  describeConfigs,
  createPartitions,
  describeCluster,
];

export const apiVersions = apiVersionsOf(others);

export const apis: ReadonlyMap<number, Api> = new Map([...others, apiVersions].map((api) => [api.key, api]));
