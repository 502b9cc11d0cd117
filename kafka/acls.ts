// Rules of access are no part of what clients can see or change here, so requests about them say that there are none to
// manage. Apache Kafka says the same if it has no authorizer.
import { code, type Failure } from './errors.ts';

export const noAcls: Failure = {
  errorCode: code.securityDisabled,
  errorMessage: 'No Authorizer is configured: access cannot be managed by ACLs here',
};
