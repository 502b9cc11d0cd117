// The APIs that are served. Clients are offered this list, and nothing else.

import { addOffsetsToTxn } from './api/add-offsets-to-txn.ts';
import { addPartitionsToTxn } from './api/add-partitions-to-txn.ts';
import { alterConfigs } from './api/alter-configs.ts';
import { alterPartitionReassignments } from './api/alter-partition-reassignments.ts';
import { alterReplicaLogDirs } from './api/alter-replica-log-dirs.ts';
import { apiVersionsOf } from './api/api-versions.ts';
import { consumerGroupDescribe } from './api/consumer-group-describe.ts';
import { consumerGroupHeartbeat } from './api/consumer-group-heartbeat.ts';
import { createAcls } from './api/create-acls.ts';
import { createPartitions } from './api/create-partitions.ts';
import { createTopics } from './api/create-topics.ts';
import { deleteAcls } from './api/delete-acls.ts';
import { deleteGroups } from './api/delete-groups.ts';
import { deleteRecords } from './api/delete-records.ts';
import { deleteTopics } from './api/delete-topics.ts';
import { describeAcls } from './api/describe-acls.ts';
import { describeClientQuotas } from './api/describe-client-quotas.ts';
import { describeCluster } from './api/describe-cluster.ts';
import { describeConfigs } from './api/describe-configs.ts';
import { describeGroups } from './api/describe-groups.ts';
import { describeLogDirs } from './api/describe-log-dirs.ts';
import { describeProducers } from './api/describe-producers.ts';
import { describeQuorum } from './api/describe-quorum.ts';
import { describeTopicPartitions } from './api/describe-topic-partitions.ts';
import { describeTransactions } from './api/describe-transactions.ts';
import { electLeaders } from './api/elect-leaders.ts';
import { endTxn } from './api/end-txn.ts';
import { fetch } from './api/fetch.ts';
import { findCoordinator } from './api/find-coordinator.ts';
import { heartbeat } from './api/heartbeat.ts';
import { incrementalAlterConfigs } from './api/incremental-alter-configs.ts';
import { initProducerId } from './api/init-producer-id.ts';
import { joinGroup } from './api/join-group.ts';
import { leaveGroup } from './api/leave-group.ts';
import { listConfigResources } from './api/list-config-resources.ts';
import { listGroups } from './api/list-groups.ts';
import { listOffsets } from './api/list-offsets.ts';
import { listPartitionReassignments } from './api/list-partition-reassignments.ts';
import { listTransactions } from './api/list-transactions.ts';
import { metadata } from './api/metadata.ts';
import { offsetCommit } from './api/offset-commit.ts';
import { offsetDelete } from './api/offset-delete.ts';
import { offsetFetch } from './api/offset-fetch.ts';
import { offsetForLeaderEpoch } from './api/offset-for-leader-epoch.ts';
import { produce } from './api/produce.ts';
import { saslAuthenticate } from './api/sasl-authenticate.ts';
import { saslHandshake } from './api/sasl-handshake.ts';
import { syncGroup } from './api/sync-group.ts';
import { txnOffsetCommit } from './api/txn-offset-commit.ts';
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
  deleteRecords,
  initProducerId,
  addPartitionsToTxn,
  addOffsetsToTxn,
  endTxn,
  txnOffsetCommit,
  offsetForLeaderEpoch,
  describeAcls,
  createAcls,
  deleteAcls,
  describeConfigs,
  alterConfigs,
  describeLogDirs,
  saslAuthenticate,
  createPartitions,
  deleteGroups,
  electLeaders,
  incrementalAlterConfigs,
  alterPartitionReassignments,
  listPartitionReassignments,
  describeQuorum,
  describeCluster,
  describeTransactions,
  listTransactions,
  offsetDelete,
  consumerGroupHeartbeat,
  consumerGroupDescribe,
  alterReplicaLogDirs,
  describeClientQuotas,
  describeProducers,
  listConfigResources,
  describeTopicPartitions,
];

export const apiVersions = apiVersionsOf(others);

export const apis: ReadonlyMap<number, Api> = new Map([...others, apiVersions].map((api) => [api.key, api]));
