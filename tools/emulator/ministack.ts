// MiniStack is an emulator of AWS. It deploys CloudFormation, runs functions in Node and checks signatures and IAM policies.
// It is installed once and started as a child on a free loopback port, behind TLS with a certificate of its own.
//
// Functions inherit MiniStack's environment and the first `node` on its PATH. So both are set here from scratch.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { freePort, launch, stop, until } from './child.ts';
import { type AwsEndpoint, emulatedEndpoint } from './endpoint.ts';
import { execute, installOnce, installPython, requireTool } from './install.ts';

export type Emulator = {
  readonly endpoint: AwsEndpoint;
  /** The certificate that clients must trust. */
  readonly certificate: string;
  /** Returns the last part of its log. */
  log(): string;
  /** Stops the emulator and removes everything that was deployed. */
  stop(): Promise<void>;
};

export async function startMiniStack(cache: string): Promise<Emulator> {
  const folder = await installMiniStack(cache);
  const root = mkdtempSync(join(tmpdir(), 'rivulet-emulator-'));
  try {
    return await start(join(folder, 'venv', 'bin', 'python'), root);
  } catch (error) {
    rmSync(root, { recursive: true, force: true });
    throw error;
  }
}

async function installMiniStack(cache: string): Promise<string> {
  await requireTool('openssl', ['version'], 'OpenSSL (Debian: apt-get install openssl)');
  const constraints = join(import.meta.dirname, 'ministack-constraints.txt');
  return installOnce(cache, 'ministack', [constraints], (folder) =>
    installPython(folder, '3.11', ['ministack'], constraints),
  );
}

async function start(python: string, root: string): Promise<Emulator> {
  const { certificateFile, keyFile } = await makeCertificate(root);
  const port = await freePort();
  const child = launch(python, [join(import.meta.dirname, 'ministack_child.py')], {
    PATH: [dirname(process.execPath), '/usr/bin', '/bin'].join(':'),
    LANG: 'C.UTF-8',
    HOME: root,
    TMPDIR: makeTemporary(root),
    BIND_HOST: '127.0.0.1',
    GATEWAY_PORT: String(port),
    AUTH: 'true',
    USE_SSL: '1',
    MINISTACK_SSL_CERT: certificateFile,
    MINISTACK_SSL_KEY: keyFile,
    IOT_MTLS_ENABLED: '0',
    SFTP_ENABLED: '0',
  });
  const certificate = readFileSync(certificateFile, 'utf8');
  const url = `https://127.0.0.1:${port}`;
  await until(child, async () => ((await isHealthy(url, certificate)) ? true : undefined));
  return {
    endpoint: emulatedEndpoint(url, certificateFile),
    certificate,
    log: () => child.output,
    async stop() {
      await stop(child);
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/**
 * Functions run in folders below this one. They run as CommonJS, whatever a package.json above says. They can import the AWS
 * SDK, which is a part of Lambda's runtime that the CDK's own functions rely on.
 */
function makeTemporary(root: string): string {
  const temporary = join(root, 'tmp');
  mkdirSync(temporary);
  writeFileSync(join(temporary, 'package.json'), '{"type":"commonjs"}');
  mkdirSync(join(root, 'node_modules'));
  symlinkSync(resolve(import.meta.dirname, '../../node_modules/@aws-sdk'), join(root, 'node_modules/@aws-sdk'));
  return temporary;
}

/** The certificate is self-signed, so it is its own authority. Deployed APIs are hosts below execute-api.localhost. */
async function makeCertificate(root: string): Promise<{ certificateFile: string; keyFile: string }> {
  const certificateFile = join(root, 'certificate.pem');
  const keyFile = join(root, 'key.pem');
  const names = 'subjectAltName=DNS:localhost,DNS:*.execute-api.localhost,IP:127.0.0.1';
  const lasting = ['-days', '30', '-subj', '/CN=Rivulet emulator', '-addext', names];
  const files = ['-keyout', keyFile, '-out', certificateFile];
  await execute('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...files, ...lasting], root);
  return { certificateFile, keyFile };
}

function isHealthy(url: string, ca: string): Promise<boolean> {
  return new Promise((resolve) => {
    get(`${url}/_ministack/health`, { ca }, (reply) => resolve(reply.resume().statusCode === 200)).on('error', () =>
      resolve(false),
    );
  });
}
