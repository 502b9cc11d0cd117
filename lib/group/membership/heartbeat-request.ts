// A heartbeat as it came in, checked and completed: every field held against its bound, and the times that the request
// proposes brought within what the service allows.

import { type ErrorCode, RivuletError } from '../../api/errors.ts';
import type { Assignor, HeartbeatRequest, OwnedPartitions } from '../../api/groups.ts';
import { joinEpoch, leaveEpoch, leaveStaticEpoch } from '../../api/groups.ts';
import { limits } from '../../api/limits.ts';
import { compileRegex } from '../assignment/subscription.ts';
import { checkGroupId, checkMemberId } from '../names.ts';

export type CheckedRequest = {
  readonly groupId: string;
  readonly memberId: string;
  readonly memberEpoch: number;
  readonly seq: number;
  readonly instanceId: string | undefined;
  readonly rackId: string | undefined;
  readonly clientId: string;
  readonly host: string;
  readonly rebalanceMs: number;
  readonly sessionMs: number;
  readonly intervalMs: number;
  /** Sorted, each once. Undefined: as before. */
  readonly topics: readonly string[] | undefined;
  /** Empty: none. Undefined: as before. */
  readonly regex: string | undefined;
  readonly assignor: Assignor | undefined;
  /** Undefined: not said. */
  readonly owned: readonly OwnedPartitions[] | undefined;
};

/** A session that one lost heartbeat ends is a mistake. */
const beatsPerSession = 3;

export function checkedRequest(request: HeartbeatRequest): CheckedRequest {
  checkGroupId(request.groupId);
  checkMemberId(request.memberId);
  checkNumbers(request);
  for (const name of ['instanceId', 'rackId', 'clientId', 'host'] as const) checkText(name, request[name]);
  const times = timesOf(request);
  return {
    groupId: request.groupId,
    memberId: request.memberId,
    memberEpoch: request.memberEpoch,
    seq: request.heartbeatSeq,
    instanceId: request.instanceId,
    rackId: request.rackId,
    clientId: request.clientId ?? '',
    host: request.host ?? '',
    // A session at least: who is to let go must have the time to hear of it.
    rebalanceMs: clamp(
      request.rebalanceTimeoutMs ?? limits.defaultRebalanceTimeoutMs,
      times.sessionMs,
      limits.maxRebalanceTimeoutMs,
    ),
    ...times,
    topics: request.subscribedTopicNames && topicsOf(request.subscribedTopicNames),
    regex: request.subscribedTopicRegex && regexOf(request.subscribedTopicRegex),
    assignor: request.serverAssignor === undefined ? undefined : assignorOf(request.serverAssignor),
    owned: request.topicPartitions,
  };
}

const refused = (detail: string, errorCode: ErrorCode = 'INVALID_REQUEST') =>
  new RivuletError(errorCode, detail, { outcome: 'not-written' });

function checkNumbers({ memberEpoch, heartbeatSeq, instanceId }: HeartbeatRequest): void {
  if (!Number.isSafeInteger(memberEpoch) || memberEpoch < leaveStaticEpoch)
    throw refused(`memberEpoch must be a whole number, ${leaveStaticEpoch} or more, not ${memberEpoch}`);
  if (!Number.isSafeInteger(heartbeatSeq) || heartbeatSeq < 0)
    throw refused(`heartbeatSeq must be a whole number from 0 to ${limits.maxOffset}, not ${heartbeatSeq}`);
  if (memberEpoch === leaveStaticEpoch && instanceId === undefined)
    throw refused(`memberEpoch ${leaveStaticEpoch} is for static members: there is no instanceId`);
}

function checkText(name: string, text: string | undefined): void {
  if (text === undefined) return;
  if (text.length > limits.memberTextLength)
    throw refused(`${name} has ${text.length} characters, above the limit of ${limits.memberTextLength}`);
  if (!text.isWellFormed()) throw refused(`${name} has half of a surrogate pair`);
  if (name === 'instanceId' && text.length === 0) throw refused('instanceId is empty');
}

function timesOf(request: HeartbeatRequest): { sessionMs: number; intervalMs: number } {
  const { minSessionTimeoutMs, maxSessionTimeoutMs, minHeartbeatIntervalMs } = limits;
  const wantedSession = request.sessionTimeoutMs ?? limits.defaultSessionTimeoutMs;
  const sessionMs = clamp(wantedSession, minSessionTimeoutMs, maxSessionTimeoutMs);
  const mostInterval = Math.floor(sessionMs / beatsPerSession);
  const wantedInterval = request.heartbeatIntervalMs ?? Math.min(limits.defaultHeartbeatIntervalMs, mostInterval);
  const intervalMs = Math.max(wantedInterval, minHeartbeatIntervalMs);
  if (!(intervalMs <= mostInterval))
    throw refused(
      `heartbeatIntervalMs ${intervalMs} is too close to sessionTimeoutMs ${sessionMs}: one lost heartbeat would end the session; at most a third of it, ${mostInterval}`,
    );
  return { sessionMs: Math.floor(sessionMs), intervalMs: Math.floor(intervalMs) };
}

const clamp = (value: number, least: number, most: number) => Math.floor(Math.min(most, Math.max(least, value)));

function topicsOf(names: readonly string[]): string[] {
  if (names.length > limits.subscribedTopics)
    throw refused(`subscribedTopicNames has ${names.length} names, above the limit of ${limits.subscribedTopics}`);
  const characters = names.reduce((sum, name) => sum + name.length, 0);
  if (characters > limits.subscriptionLength)
    throw refused(
      `subscribedTopicNames has ${characters} characters, above the limit of ${limits.subscriptionLength}: subscribe by an expression`,
    );
  const wrong = names.find((name) => name.length === 0 || name.length > limits.nameLength);
  if (wrong !== undefined)
    throw refused(
      `subscribedTopicNames: a name has ${wrong.length} characters, outside 1 to ${limits.nameLength}`,
      'INVALID_TOPIC_EXCEPTION',
    );
  return [...new Set(names)].sort();
}

function regexOf(pattern: string): string {
  compileRegex(pattern);
  return pattern;
}

function assignorOf(name: string): Assignor {
  if (name === 'uniform' || name === 'range') return name;
  throw refused(
    `there is no assignor ${JSON.stringify(name.slice(0, 100))}: uniform and range there are`,
    'UNSUPPORTED_ASSIGNOR',
  );
}

export const isLeaving = ({ memberEpoch }: CheckedRequest): boolean =>
  memberEpoch === leaveEpoch || memberEpoch === leaveStaticEpoch;
export const isJoining = ({ memberEpoch }: CheckedRequest): boolean => memberEpoch === joinEpoch;
