// The APIs that are served. Clients are offered this list, and nothing else.

import { apiVersionsOf } from './api/api-versions.ts';
import { createPartitions } from './api/create-partitions.ts';
import { createTopics } from './api/create-topics.ts';
import { deleteGroups } from './api/delete-groups.ts';
import { deleteTopics } from './api/delete-topics.ts';
import { describeCluster } from './api/describe-cluster.ts';
import { describeConfigs } from './api/describe-configs.ts';
import { describeGroups } from './api/describe-groups.ts';
import { fetch } from './api/fetch.ts';
import { findCoordinator } from './api/find-coordinator.ts';
import { heartbeat } from './api/heartbeat.ts';
import { initProducerId } from './api/init-producer-id.ts';
import { joinGroup } from './api/join-group.ts';
import { leaveGroup } from './api/leave-group.ts';
import { listGroups } from './api/list-groups.ts';
import { listOffsets } from './api/list-offsets.ts';
import { metadata } from './api/metadata.ts';
import { offsetCommit } from './api/offset-commit.ts';
import { offsetFetch } from './api/offset-fetch.ts';
import { offsetForLeaderEpoch } from './api/offset-for-leader-epoch.ts';
import { produce } from './api/produce.ts';
import { saslAuthenticate } from './api/sasl-authenticate.ts';
import { saslHandshake } from './api/sasl-handshake.ts';
import { syncGroup } from './api/sync-group.ts';
import type { Api } from './api.ts';

const others: readonly Api[] = [
  produce,
  fetch,
  listOffsets,
  metadata,
  offsetCommit,
  offsetFetch,
  findCoordinator,
  joinGroup,
  heartbeat,
  leaveGroup,
  syncGroup,
  describeGroups,
  listGroups,
  saslHandshake,
  createTopics,
  deleteTopics,
  initProducerId,
  offsetForLeaderEpoch,
  describeConfigs,
  saslAuthenticate,
  createPartitions,
  deleteGroups,
  describeCluster,
];

export const apiVersions = apiVersionsOf(others);

export const apis: ReadonlyMap<number, Api> = new Map([...others, apiVersions].map((api) => [api.key, api]));
