// Where a service of AWS listens. Each partition of AWS (China, GovCloud and others) has a domain of its own, and the SDK knows them.
import { partition } from '@aws-sdk/core/client';

/** `https://sqs.cn-north-1.amazonaws.com.cn` */
export const endpointOf = (service: string, region: string): string =>
  `https://${service}.${region}.${partition(region).dnsSuffix}`;

/** `aws-cn`: it begins the ARN of everything in the region. */
export const partitionOf = (region: string): string => partition(region).name;
