// The first thing that runs in the container of the Kafka gateway: it fetches the gateway's code from the bucket of the CDK,
// and starts it. So the container is a public image of Node, and a deployment needs no Docker.
//
// Invariant: what runs is the file that the stack was made with, byte for byte.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { signRequest } from '../lib/sigv4/sign.ts';

/** ECS gives a task the credentials of its role there. */
const credentialsHost = 'http://169.254.170.2';
const file = '/tmp/rivulet-kafka.mjs';

const { CODE_BUCKET: bucket, CODE_KEY: key, CODE_SHA256: sha256, AWS_REGION: region = '' } = process.env;

type RoleCredentials = {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly Token: string;
};

async function fetchCode(): Promise<Uint8Array> {
  const role = await fetch(`${credentialsHost}${process.env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI}`);
  const { AccessKeyId, SecretAccessKey, Token } = (await role.json()) as RoleCredentials;
  const url = new URL(`https://${bucket}.s3.${region}.amazonaws.com/${key}`);
  const headers = signRequest({
    ...{ method: 'GET', url, body: '', region, service: 's3', nowMs: Date.now() },
    // S3 wants the digest of the body in a header, also where there is no body.
    headers: { 'x-amz-content-sha256': createHash('sha256').digest('hex') },
    credentials: { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: Token },
  });
  const response = await fetch(url, { headers });
  if (response.status !== 200) throw new Error(`the code of the gateway: S3 answered ${response.status} for ${key}`);
  return new Uint8Array(await response.arrayBuffer());
}

const code = await fetchCode();
const got = createHash('sha256').update(code).digest('hex');
if (got !== sha256) throw new Error(`the code of the gateway: expected the digest ${sha256}, got ${got}`);
writeFileSync(file, code);
// The program reads its arguments behind its own name, which `node -e` does not give.
process.argv.splice(1, 0, file);
await import(file);
