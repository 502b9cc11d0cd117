// Checks an emulator that runs already: that it is one, and that it has the services that the stacks need. The check comes
// before anything is created there.
import { type AwsEndpoint, emulatedEndpoint } from './endpoint.ts';
import { sendSigned } from './signed-request.ts';

/** The services, as emulators name them. The HTTP APIs of apigatewayv2 have no name of their own there. */
const needed = [
  ...['cloudformation', 'lambda', 'iam', 'sts', 'ssm', 's3', 'dynamodb', 'dynamodbstreams', 'logs', 'events'],
  ...['scheduler', 'sqs'],
];

/** Throws an Error that says what is missing. */
export async function runningEmulator(url: string): Promise<AwsEndpoint> {
  const { origin, hostname } = parsed(url);
  if (/(^|\.)amazonaws\.com(\.cn)?$/.test(hostname))
    throw new Error(
      `--endpoint: expected an emulator, got AWS itself at ${url}: deploy there with npx cdk deploy --all (docs/DEPLOY.md)`,
    );
  const services = await servicesOf(origin);
  const endpoint = emulatedEndpoint(origin, process.env.NODE_EXTRA_CA_CERTS);
  const missing = needed.filter((service) => !services.has(service));
  if (!(await hasHttpApis(endpoint))) missing.push('apigatewayv2');
  if (missing.length === 0) return endpoint;
  throw new Error(
    `--endpoint ${url}: the emulator has no ${missing.join(', ')} (LocalStack has apigatewayv2 only in its paid editions)`,
  );
}

function parsed(url: string): URL {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return new URL(url);
  throw new Error(`--endpoint: expected a URL that begins with http:// or https://, got ${url}`);
}

/** LocalStack answers this request, and MiniStack imitates it. */
async function servicesOf(origin: string): Promise<ReadonlySet<string>> {
  try {
    const reply = await fetch(`${origin}/_localstack/health`);
    const { services } = (await reply.json()) as { services: Record<string, string> };
    return new Set(Object.keys(services).filter((name) => services[name] !== 'disabled'));
  } catch (cause) {
    throw new Error(`--endpoint ${origin}: no emulator answers there (neither LocalStack nor MiniStack)`, { cause });
  }
}

async function hasHttpApis({ url, region, credentials }: AwsEndpoint): Promise<boolean> {
  const signed = { region, service: 'apigateway' };
  return (await sendSigned(url, credentials, { method: 'GET', path: '/v2/apis' }, signed)).status === 200;
}
