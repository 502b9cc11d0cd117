// Users with keys of their own, and what they may ask of a deployed API. The emulator holds them to it, as AWS does.
import { CreateAccessKeyCommand, CreateUserCommand, IAMClient, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import { type Route, resourceOf } from '../../cdk/access.ts';
import { type AwsEndpoint, clientOptions } from './endpoint.ts';

export type AccessKey = { readonly accessKeyId: string; readonly secretAccessKey: string };

/** @returns the key of a new user with this policy, and no other. */
export async function createUser(endpoint: AwsEndpoint, name: string, policy: string): Promise<AccessKey> {
  const iam = new IAMClient(clientOptions(endpoint));
  try {
    await iam.send(new CreateUserCommand({ UserName: name }));
    await iam.send(new PutUserPolicyCommand({ UserName: name, PolicyName: 'rivulet', PolicyDocument: policy }));
  } finally {
    iam.destroy();
  }
  return createKey(endpoint, name);
}

/** Of a user that there is. */
export async function createKey(endpoint: AwsEndpoint, userName: string): Promise<AccessKey> {
  const iam = new IAMClient(clientOptions(endpoint));
  try {
    const { AccessKey: key } = await iam.send(new CreateAccessKeyCommand({ UserName: userName }));
    return { accessKeyId: key!.AccessKeyId!, secretAccessKey: key!.SecretAccessKey! };
  } finally {
    iam.destroy();
  }
}

/** The policy of whoever may take these routes: what the construct's grants give. `apiUrl` begins with the API's id. */
export function policyFor(endpoint: AwsEndpoint, apiUrl: string, routes: readonly Route[]): string {
  const [apiId] = new URL(apiUrl).hostname.split('.');
  const api = `arn:aws:execute-api:${endpoint.region}:${endpoint.accountId}:${apiId}`;
  const Resource = routes.map((route) => `${api}/${resourceOf(route)}`);
  const Statement = [{ Effect: 'Allow', Action: 'execute-api:Invoke', Resource }];
  return JSON.stringify({ Version: '2012-10-17', Statement });
}
