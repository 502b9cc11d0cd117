// Temporary credentials for tests: they come from an assumed role of the account.
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import type { Credentials } from '../../lib/sigv4/canonical.ts';
import { type AwsEndpoint, clientOptions } from '../../tools/emulator/endpoint.ts';

/** @returns the credentials of a session in a new role with this policy. */
export async function assumeNewRole(endpoint: AwsEndpoint, name: string, policy: string): Promise<Credentials> {
  const iam = new IAMClient(clientOptions(endpoint));
  const sts = new STSClient(clientOptions(endpoint));
  const Statement = [
    { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: `arn:aws:iam::${endpoint.accountId}:root` } },
  ];
  const AssumeRolePolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument }));
  await iam.send(new PutRolePolicyCommand({ RoleName: name, PolicyName: 'rivulet', PolicyDocument: policy }));
  const { Credentials: session } = await sts.send(
    new AssumeRoleCommand({ RoleArn: Role!.Arn!, RoleSessionName: 'test' }),
  );
  iam.destroy();
  sts.destroy();
  return {
    accessKeyId: session!.AccessKeyId!,
    secretAccessKey: session!.SecretAccessKey!,
    sessionToken: session!.SessionToken!,
  };
}
