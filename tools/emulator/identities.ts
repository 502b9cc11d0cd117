// Creates users with keys of their own, and policies for a deployed API. The emulator enforces the policies, as AWS does.
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

/** Creates a key of an existing user. */
export async function createKey(endpoint: AwsEndpoint, userName: string): Promise<AccessKey> {
  const iam = new IAMClient(clientOptions(endpoint));
  try {
    const { AccessKey: key } = await iam.send(new CreateAccessKeyCommand({ UserName: userName }));
    return { accessKeyId: key!.AccessKeyId!, secretAccessKey: key!.SecretAccessKey! };
  } finally {
    iam.destroy();
  }
}

/** The policy that allows these routes, as the construct's grants do. `apiUrl` begins with the API's id. */
export function policyFor(endpoint: AwsEndpoint, apiUrl: string, routes: readonly Route[]): string {
  const [apiId] = new URL(apiUrl).hostname.split('.');
  const api = `arn:aws:execute-api:${endpoint.region}:${endpoint.accountId}:${apiId}`;
  const Resource = routes.map((route) => `${api}/${resourceOf(route)}`);
  const Statement = [{ Effect: 'Allow', Action: 'execute-api:Invoke', Resource }];
  return JSON.stringify({ Version: '2012-10-17', Statement });
}
