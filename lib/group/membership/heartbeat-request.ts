// Checks and completes a heartbeat that came in. Every field is held against its bound, and the times that the request
// proposes are brought within what the service allows.

import type { Assignor, HeartbeatRequest, OwnedPartitions } from '../../api/groups.ts';
import { joinEpoch, leaveEpoch, leaveStaticEpoch } from '../../api/groups.ts';
import { limits } from '../../api/limits.ts';
import { invalid, refused } from '../../api/refusal.ts';
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
  /** Sorted, and each name once. Undefined means that they stay as before. */
  readonly topics: readonly string[] | undefined;
  /** Empty means that there is no expression. Undefined means that it stays as before. */
  readonly regex: string | undefined;
  readonly assignor: Assignor | undefined;
  /** Undefined if the request does not say. */
  readonly owned: readonly OwnedPartitions[] | undefined;
};

/** One lost heartbeat must not end a session, so a session has room for three. */
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
    // It is at least a session: a member that has to let go needs the time to receive that request.
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

function checkNumbers({ memberEpoch, heartbeatSeq, instanceId }: HeartbeatRequest): void {
  if (!Number.isSafeInteger(memberEpoch) || memberEpoch < leaveStaticEpoch)
    throw invalid(`memberEpoch: expected a whole number of ${leaveStaticEpoch} or more, got ${memberEpoch}`);
  if (!Number.isSafeInteger(heartbeatSeq) || heartbeatSeq < 0)
    throw invalid(`heartbeatSeq: expected a whole number from 0 to ${limits.maxOffset}, got ${heartbeatSeq}`);
  if (memberEpoch === leaveStaticEpoch && instanceId === undefined)
    throw invalid(`instanceId: expected one, because memberEpoch ${leaveStaticEpoch} is for static members, got none`);
}

function checkText(name: string, text: string | undefined): void {
  if (text === undefined) return;
  if (text.length > limits.memberTextLength)
    throw invalid(`${name}: expected at most ${limits.memberTextLength} characters, got ${text.length}`);
  if (!text.isWellFormed()) throw invalid(`${name}: expected whole characters, got half of a surrogate pair`);
  if (name === 'instanceId' && text.length === 0)
    throw invalid('instanceId: expected at least one character, got none');
}

function timesOf(request: HeartbeatRequest): { sessionMs: number; intervalMs: number } {
  const { minSessionTimeoutMs, maxSessionTimeoutMs, minHeartbeatIntervalMs } = limits;
  const wantedSession = request.sessionTimeoutMs ?? limits.defaultSessionTimeoutMs;
  const sessionMs = clamp(wantedSession, minSessionTimeoutMs, maxSessionTimeoutMs);
  const mostInterval = Math.floor(sessionMs / beatsPerSession);
  const wantedInterval = request.heartbeatIntervalMs ?? Math.min(limits.defaultHeartbeatIntervalMs, mostInterval);
  const intervalMs = Math.max(wantedInterval, minHeartbeatIntervalMs);
  if (!(intervalMs <= mostInterval))
    throw invalid(
      `heartbeatIntervalMs: expected at most ${mostInterval}, a third of sessionTimeoutMs ${sessionMs}, because otherwise one lost heartbeat would end the session, got ${intervalMs}`,
    );
  return { sessionMs: Math.floor(sessionMs), intervalMs: Math.floor(intervalMs) };
}

const clamp = (value: number, least: number, most: number) => Math.floor(Math.min(most, Math.max(least, value)));

function topicsOf(names: readonly string[]): string[] {
  if (names.length > limits.subscribedTopics)
    throw invalid(`subscribedTopicNames: expected at most ${limits.subscribedTopics} names, got ${names.length}`);
  const characters = names.reduce((sum, name) => sum + name.length, 0);
  if (characters > limits.subscriptionLength)
    throw invalid(
      `subscribedTopicNames: expected at most ${limits.subscriptionLength} characters in all, got ${characters}: subscribe by an expression`,
    );
  const wrong = names.find((name) => name.length === 0 || name.length > limits.nameLength);
  if (wrong !== undefined)
    throw refused(
      'INVALID_TOPIC_EXCEPTION',
      `subscribedTopicNames: expected names of 1 to ${limits.nameLength} characters, got one of ${wrong.length}`,
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
    'UNSUPPORTED_ASSIGNOR',
    `serverAssignor: expected uniform or range, got ${JSON.stringify(name.slice(0, 100))}`,
  );
}

export const isLeaving = ({ memberEpoch }: CheckedRequest): boolean =>
  memberEpoch === leaveEpoch || memberEpoch === leaveStaticEpoch;
export const isJoining = ({ memberEpoch }: CheckedRequest): boolean => memberEpoch === joinEpoch;
