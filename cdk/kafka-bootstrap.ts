// The first thing that runs in the container of the Kafka gateway: it fetches the gateway's code from the bucket of the CDK, and its
// certificates, users and rules from Secrets Manager, and starts it. So the container is a public image of Node, and a deployment needs no Docker.
//
// Invariant: what runs is the file that the stack was made with, byte for byte.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { signRequest } from '../lib/sigv4/sign.ts';
import { securityArguments } from './kafka-secret.ts';

/** ECS names the path of the credentials of a task's role at this host. */
const credentialsHost = 'http://169.254.170.2';
const file = path.join(tmpdir(), 'rivulet-kafka.mjs');

const { CODE_BUCKET: bucket, CODE_KEY: key, CODE_SHA256: sha256, KAFKA_SECURITY_SECRET: secretArn } = process.env;
/** Each partition of AWS has a domain of its own, and CloudFormation knows it. */
const { AWS_REGION: region = '', URL_SUFFIX: suffix = '' } = process.env;

type RoleCredentials = {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly Token: string;
};

/** The variables have the order of precedence that they have in the SDKs. */
async function roleCredentials() {
  const { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: path, AWS_CONTAINER_CREDENTIALS_FULL_URI: url = '' } = process.env;
  const response = await fetch(path === undefined ? url : `${credentialsHost}${path}`);
  if (response.status !== 200) throw new Error(`the credentials of the task: ECS answered ${response.status}`);
  const { AccessKeyId, SecretAccessKey, Token } = (await response.json()) as RoleCredentials;
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: Token };
}

/** @param variable the end of the environment variable that names another endpoint, as for the SDKs. */
const endpointOf = (service: string, variable: string): string =>
  process.env[`AWS_ENDPOINT_URL_${variable}`] ??
  process.env.AWS_ENDPOINT_URL ??
  `https://${service}.${region}.${suffix}`;

type Asked = { readonly method: string; readonly url: URL; readonly body: string; readonly service: string };

/** @param what names the thing in the error. */
async function ask(what: string, { method, url, body, service }: Asked, headers: Record<string, string>) {
  const signed = signRequest({
    ...{ method, url, body, region, service, headers, nowMs: Date.now() },
    credentials: await roleCredentials(),
  });
  const response = await fetch(url, { method, headers: signed, ...(body !== '' && { body }) });
  if (response.status !== 200) throw new Error(`${what}: ${service} answered ${response.status}`);
  return response;
}

async function fetchCode(): Promise<Uint8Array> {
  // The bucket is in the path, because an emulator has no host names for buckets. S3 takes both forms.
  const url = new URL(`${endpointOf('s3', 'S3')}/${bucket}/${key}`);
  // S3 wants the digest of the body in a header, also where there is no body.
  const headers = { 'x-amz-content-sha256': createHash('sha256').digest('hex') };
  const response = await ask('the code of the gateway', { method: 'GET', url, body: '', service: 's3' }, headers);
  return new Uint8Array(await response.arrayBuffer());
}

async function fetchSecret(): Promise<string> {
  const url = new URL(endpointOf('secretsmanager', 'SECRETS_MANAGER'));
  const request = { method: 'POST', url, body: JSON.stringify({ SecretId: secretArn }), service: 'secretsmanager' };
  const response = await ask('the secret of the gateway', request, {
    'content-type': 'application/x-amz-json-1.1',
    'x-amz-target': 'secretsmanager.GetSecretValue',
  });
  const { SecretString: secret } = (await response.json()) as { SecretString?: string };
  if (secret === undefined) throw new Error('the secret of the gateway: expected text, got bytes');
  return secret;
}

const code = await fetchCode();
const got = createHash('sha256').update(code).digest('hex');
if (got !== sha256) throw new Error(`the code of the gateway: expected the digest ${sha256}, got ${got}`);
writeFileSync(file, code);
const security = securityArguments(await fetchSecret(), tmpdir());
for (const [name, content] of security.files) writeFileSync(name, content, { mode: 0o600 });
// The program reads its arguments behind its own name, which `node -e` does not give.
process.argv.splice(1, 0, file);
process.argv.push(...security.arguments);
await import(file);
