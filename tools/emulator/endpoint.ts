// The address and the credentials of an emulator, in the forms in which the CDK and the SDKs take them: environment variables
// or options.
import { getCACertificates, setDefaultCACertificates } from 'node:tls';

export type AwsEndpoint = {
  readonly url: string;
  readonly accountId: string;
  readonly region: string;
  /** The credentials of the account's root, which emulators accept. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** A file with the certificate that must be trusted beside the usual authorities. */
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

/** The environment of a child process that talks to this endpoint. */
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

/** Our environment without the variables that a person has set for other endpoints and identities. */
export function environmentWithoutAws(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(AWS|CDK|RIVULET)_/.test(name)));
}

/** The options of an AWS SDK client in this process. The process must trust the certificate. */
export function clientOptions({ url: endpoint, region, credentials }: AwsEndpoint) {
  return { endpoint, region, credentials };
}

/** From now on, this process trusts the certificate. */
export function trust(certificate: string): void {
  setDefaultCACertificates([...getCACertificates('default'), certificate]);
}
