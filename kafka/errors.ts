// Which number of Kafka's an error gets on the wire. A write's number depends on what happened to the data, because clients
// decide by it whether to send the same batch again.
// https://kafka.apache.org/protocol#protocol_error_codes
import { catalogue, RivuletError } from '../lib/api/errors.ts';

/** Errors that only the protocol has, and those that stand for many of ours. */
export const code = {
  none: 0,
  unknownServerError: -1,
  corruptMessage: 2,
  unknownTopicOrPartition: 3,
  requestTimedOut: 7,
  coordinatorLoadInProgress: 14,
  coordinatorNotAvailable: 15,
  notEnoughReplicas: 19,
  invalidRequiredAcks: 21,
  unknownMemberId: 25,
  topicAuthorizationFailed: 29,
  groupAuthorizationFailed: 30,
  clusterAuthorizationFailed: 31,
  unsupportedSaslMechanism: 33,
  illegalSaslState: 34,
  unsupportedVersion: 35,
  invalidPartitions: 37,
  invalidReplicationFactor: 38,
  invalidReplicaAssignment: 39,
  invalidConfig: 40,
  invalidRequest: 42,
  securityDisabled: 54,
  invalidProducerEpoch: 47,
  invalidTxnState: 48,
  invalidProducerIdMapping: 49,
  transactionalIdAuthorizationFailed: 53,
  kafkaStorageError: 56,
  logDirNotFound: 57,
  saslAuthenticationFailed: 58,
  memberIdRequired: 79,
  producerFenced: 90,
  fetchSessionIdNotFound: 70,
  unknownLeaderEpoch: 75,
  unsupportedCompressionType: 76,
  electionNotNeeded: 84,
  noReassignmentInProgress: 85,
  invalidRecord: 87,
  unknownTopicId: 100,
  mismatchedEndpointType: 114,
  unsupportedEndpointType: 115,
} as const;

/** A reply says this of one thing that went wrong. */
export type Failure = { readonly errorCode: number; readonly errorMessage: string };

/**
 * The code of a write. After 7 a client knows that the batch may be in the log, after 19 that it is not; it sends the batch
 * again after both. -1 is never used: clients would give up, and lose count of their sequences.
 */
export function writeCode(error: unknown): number {
  if (!(error instanceof RivuletError) || error.outcome === 'unknown') return code.requestTimedOut;
  const mustStay = error.errorCode === 'OUT_OF_ORDER_SEQUENCE_NUMBER';
  if (error.retriable && !mustStay) return code.notEnoughReplicas;
  return knownCode(error, code.requestTimedOut);
}

/** The code of a read. Clients take 56 as a reason to ask for the metadata and to try again. */
export function readCode(error: unknown): number {
  if (error instanceof RivuletError && error.retriable) return code.kafkaStorageError;
  return knownCode(error, code.unknownServerError);
}

/** The code of a change to a topic. An administrator may repeat one that is in doubt. */
export function changeCode(error: unknown): number {
  if (error instanceof RivuletError && error.outcome === 'unknown') return code.requestTimedOut;
  return knownCode(error, code.unknownServerError);
}

/**
 * The code of a request of a group's member. After 15 a client looks for the coordinator, and sends the request again; few
 * requests may be answered with the other codes for "try again".
 */
export function groupCode(error: unknown): number {
  if (error instanceof RivuletError && error.retriable) return code.coordinatorNotAvailable;
  return knownCode(error, code.unknownServerError);
}

/**
 * The code of a request about a transaction. After 15 and 51 a client sends the same request again. After 49 it aborts the
 * transaction and goes on with a new epoch. `fenced` ends it.
 */
export function transactionCode(error: unknown, fenced: number): number {
  if (!(error instanceof RivuletError)) return code.unknownServerError;
  if (error.errorCode === 'PRODUCER_FENCED') return fenced;
  if (error.errorCode === 'TRANSACTIONAL_ID_NOT_FOUND') return code.invalidProducerIdMapping;
  if (error.errorCode === 'CONCURRENT_TRANSACTIONS') return knownCode(error, code.coordinatorNotAvailable);
  if (error.retriable || error.outcome === 'unknown') return code.coordinatorNotAvailable;
  if (error.errorCode === 'INVALID_TXN_STATE') return code.invalidProducerIdMapping;
  return knownCode(error, code.unknownServerError);
}

/** Clients that do not know PRODUCER_FENCED get INVALID_PRODUCER_EPOCH. */
export const fencedCode = (version: number, lastWithout: number): number =>
  version > lastWithout ? code.producerFenced : code.invalidProducerEpoch;

/** The code of a batch of a transaction. After 47 a client aborts the transaction, and learns then whether it is fenced. */
export function stageCode(error: RivuletError): number {
  const isOfAnother = error.errorCode === 'PRODUCER_FENCED' || error.errorCode === 'TRANSACTIONAL_ID_NOT_FOUND';
  return isOfAnother ? code.invalidProducerEpoch : writeCode(error);
}

function knownCode(error: unknown, otherwise: number): number {
  const known = error instanceof RivuletError ? catalogue[error.errorCode].kafkaErrorCode : otherwise;
  return known === code.unknownServerError ? otherwise : known;
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
