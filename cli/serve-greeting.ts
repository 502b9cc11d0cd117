// The lines that `rivulet serve` prints when it is ready: addresses, and commands to try.
// Invariant: each printed command works as it stands, in a terminal that has the credentials.
import type { KafkaServer } from '../kafka/server.ts';
import { isLoopback } from '../lib/runtime/loopback.ts';
import type { Backend } from '../local/backend.ts';
import { type ConsoleOptions, consoleUrl } from '../local/console/gate.ts';
import type { LocalServer } from '../local/server.ts';
import { printLine } from './output.ts';

type Served = {
  readonly server: LocalServer;
  readonly backend: Pick<Backend, 'directory' | 'version'>;
  readonly hasOwnCredentials: boolean;
  readonly kafka: KafkaServer | undefined;
  readonly page: ConsoleOptions | undefined;
  readonly metricsServer: LocalServer | undefined;
};

export function greet({
  server: { url },
  backend: { directory, version },
  hasOwnCredentials,
  kafka,
  page,
  metricsServer,
}: Served): void {
  const here = reachable(url);
  const options = optionsFor(here);
  const user = hasOwnCredentials ? '"$RIVULET_ACCESS_KEY_ID:$RIVULET_SECRET_ACCESS_KEY"' : 'local:local';
  const where = hasOwnCredentials ? ' that has RIVULET_ACCESS_KEY_ID and RIVULET_SECRET_ACCESS_KEY' : '';
  printLine(`Rivulet ${version} listens on ${url}`);
  if (page) printLine(`The console for your browser: ${consoleUrl(url, page.token)}`);
  if (kafka) printLine(`Kafka's clients connect to ${kafka.host}:${kafka.port}`);
  const metricsUrl = metricsServer?.url ?? (isLoopback(new URL(url).hostname) ? url : undefined);
  if (metricsUrl) printLine(`Prometheus finds metrics at ${metricsUrl}/metrics`);
  printLine(`Data directory: ${directory}`);
  printLine(`
Try, in another terminal${where}:
  npx rivulet topics create orders --partitions 3${options}
  echo 'hello' | npx rivulet produce orders${options}
  npx rivulet consume orders --from-beginning${options}
  curl -w '\\n' --aws-sigv4 aws:amz:us-east-1:execute-api --user ${user} ${quoted(`${here}/v1/topics`)}

Ctrl-C stops it.`);
}

/** Clients cannot connect to the address that means all addresses, so the printed commands name loopback. */
const reachable = (url: string): string => url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');

/** Quotes a URL with brackets, because some shells read brackets as a pattern of file names. */
const quoted = (url: string): string => (url.includes('[') ? `'${url}'` : url);

/** The options that the other commands need to reach this server. */
function optionsFor(url: string): string {
  if (url === 'http://127.0.0.1:9292') return '';
  return ` --url ${quoted(url)}${isLoopback(new URL(url).hostname) ? '' : ' --region us-east-1'}`;
}
