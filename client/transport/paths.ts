// These are the paths that the SDK requests. Names are encoded, although valid ones need no encoding: an invalid name
// must reach the server as a name and be refused as one, not be taken for another path. The names "", "." and ".." cannot
// reach it, because a URL drops them: the offsets of a group `.` would be the group `offsets`. They are refused here.
import type { ErrorCode } from '../../lib/api/errors.ts';
import { RivuletClientError } from '../client-error.ts';
import { whyNotText } from '../text.ts';

const topic = (name: string): string => `/v1/topics/${segment(name, 'topic', 'INVALID_TOPIC_EXCEPTION')}`;
const group = (id: string): string => `/v1/groups/${segment(id, 'groupId', 'INVALID_GROUP_ID')}`;

const subscription = (name: string, id: string): string =>
  `${topic(name)}/subscriptions/${segment(id, 'groupId', 'INVALID_GROUP_ID')}`;
/** The subscription by a path that also names the topic for its dead letters, so that the right to that one can be decided. */
const deadLetters = (letters: string, name: string, id: string): string => {
  const to = segment(letters, 'onFailure.topic', 'INVALID_TOPIC_EXCEPTION');
  const ofTopic = segment(name, 'topic', 'INVALID_TOPIC_EXCEPTION');
  return `/v1/dead-letters/${to}/subscriptions/${ofTopic}/${segment(id, 'groupId', 'INVALID_GROUP_ID')}`;
};
const transaction = (id: string): string => `/v1/transactions/${segment(id, 'transactionalId', 'INVALID_REQUEST')}`;

function segment(name: string, field: string, errorCode: ErrorCode): string {
  const wrong = whyNotText(name) ?? whyNoSegment(name);
  if (wrong) throw new RivuletClientError(errorCode, `${field}: ${wrong}`, { outcome: 'not-written' });
  return encodeURIComponent(name);
}

function whyNoSegment(name: string): string | undefined {
  if (name !== '' && name !== '.' && name !== '..') return undefined;
  return `expected a name other than "", "." and "..", got ${JSON.stringify(name)}`;
}

export const paths = {
  topics: '/v1/topics',
  topic,
  produce: (name: string) => `${topic(name)}/records`,
  fetch: (name: string) => `${topic(name)}/fetch`,
  deleteRecords: (name: string) => `${topic(name)}/delete-records`,
  offsets: (name: string) => `${topic(name)}/offsets`,
  partitionRecords: (name: string, partition: number) => `${topic(name)}/partitions/${partition}/records`,
  segments: (name: string, partition: number) => `${topic(name)}/partitions/${partition}/segments`,
  segment: (name: string, partition: number, offset: number) =>
    `${topic(name)}/partitions/${partition}/segments/${offset}`,
  maintenance: '/v1/maintenance',
  topicMaintenance: (name: string) => `${topic(name)}/maintenance`,
  subscriptions: '/v1/subscriptions',
  subscription,
  deadLetters,
  producers: '/v1/producers',
  transactions: '/v1/transactions',
  transaction,
  groups: '/v1/groups',
  group,
  heartbeat: (id: string) => `${group(id)}/heartbeat`,
  groupOffsets: (id: string) => `${group(id)}/offsets`,
  resetOffsets: (id: string) => `${group(id)}/offsets/reset`,
} as const;
