// Where AWS is played, and as whom to speak to it: what the CDK and the SDKs are told by their environment or by their
// options.
import { getCACertificates, setDefaultCACertificates } from 'node:tls';

export type AwsEndpoint = {
  readonly url: string;
  readonly accountId: string;
  readonly region: string;
  /** Of the account's root: emulators take these. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** What must be trusted beside the usual authorities, as a file. */
  readonly certificateFile?: string;
};

export function emulatedEndpoint(url: string, certificateFile?: string): AwsEndpoint {
  return {
    url,
    accountId: '000000000000',
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    ...(certificateFile !== undefined && { certificateFile }),
  };
}

/** For a child process. */
export function environmentOf(endpoint: AwsEndpoint): Record<string, string> {
  const { url, accountId, region, credentials, certificateFile } = endpoint;
  return {
    AWS_ENDPOINT_URL: url,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_REGION: region,
    AWS_EC2_METADATA_DISABLED: 'true',
    CDK_DEFAULT_ACCOUNT: accountId,
    CDK_DEFAULT_REGION: region,
    ...(certificateFile !== undefined && { AWS_CA_BUNDLE: certificateFile, NODE_EXTRA_CA_CERTS: certificateFile }),
  };
}

/** Ours, but for what a person has set for other endpoints and identities: it has no say here. */
export function environmentWithoutAws(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(AWS|CDK|RIVULET)_/.test(name)));
}

/** For a client of the AWS SDK in this process, which must trust the certificate. */
export function clientOptions({ url: endpoint, region, credentials }: AwsEndpoint) {
  return { endpoint, region, credentials };
}

/** In this process, from now on. */
export function trust(certificate: string): void {
  setDefaultCACertificates([...getCACertificates('default'), certificate]);
}
