// The options of a deployment: each with its default, its allowed values and its effect. The app reads them from the CDK
// context (`cdk.json`, or `-c rivulet:NAME=VALUE`), and the construct takes them as properties. Both check them against
// this table. A test compares the table in docs/DEPLOY.md with it.
//
// Invariant: the result of `configOf` has every option, and each is within its bounds. An unknown name is refused, because
// a misspelt option must not quietly keep its default.

import { originPattern } from '../http/cors.ts';
import { limits } from '../lib/api/limits.ts';

/** How many alarms are created. CloudWatch bills each alarm by the month. */
export type WatchSize = 'off' | 'small' | 'full';

export type RivuletConfig = {
  readonly name: string;
  readonly throwAway: boolean;
  readonly restoreDays: number;
  readonly existingBucket: string;
  readonly existingTable: string;
  readonly existingTableStream: string;
  readonly produceMemoryMiB: number;
  readonly fetchMemoryMiB: number;
  readonly fetchConcurrency: number;
  readonly requestsPerSecond: number;
  readonly fetchesPerSecond: number;
  readonly publicHealth: boolean;
  readonly publicOpenApi: boolean;
  readonly corsOrigins: string;
  readonly logRetentionDays: number;
  readonly metricsPerTopic: boolean;
  readonly automaticMaintenance: boolean;
  readonly maintenanceConcurrency: number;
  readonly maintenanceHourUtc: number;
  readonly pushTargets: string;
  readonly pushConcurrency: number;
  readonly offsetsRetentionMinutes: number;
  readonly watch: WatchSize;
  readonly alarmEmail: string;
  readonly dashboard: boolean;
  readonly kafkaGateway: boolean;
  readonly kafkaSecretArn: string;
  readonly kafkaHostName: string;
  readonly kafkaImage: string;
  readonly kafkaVpcRange: string;
  readonly kafkaClientRanges: string;
};

type Option<T> = {
  readonly fallback: T;
  /** Completes "expected ..." in an error, and "must be" in docs/DEPLOY.md. */
  readonly allowed: string;
  readonly does: string;
  /** Undefined if the value is not allowed. The command line gives text, so numbers and flags are read from text too. */
  read(value: unknown): T | undefined;
};

type Described = { readonly does: string };

const flag = (fallback: boolean, { does }: Described): Option<boolean> => ({
  fallback,
  does,
  allowed: 'true or false',
  read: (value) =>
    value === true || value === 'true' ? true : value === false || value === 'false' ? false : undefined,
});

const whole = (fallback: number, min: number, max: number, { does }: Described): Option<number> => ({
  fallback,
  does,
  allowed: `a whole number from ${min} to ${max}`,
  read: (value) => numberOf(value, (number) => number >= min && number <= max),
});

const oneOfNumbers = (fallback: number, values: readonly number[], { does }: Described): Option<number> => ({
  fallback,
  does,
  allowed: `one of ${values.join(', ')}`,
  read: (value) => numberOf(value, (number) => values.includes(number)),
});

const oneOf = <T extends string>(fallback: T, values: readonly T[], { does }: Described): Option<T> => ({
  fallback,
  does,
  allowed: `one of ${values.join(', ')}`,
  read: (value) => values.find((known) => known === value),
});

const text = (
  fallback: string,
  pattern: RegExp,
  { does, allowed }: Described & { allowed: string },
): Option<string> => ({
  fallback,
  does,
  allowed,
  read: (value) => (typeof value === 'string' && (value === fallback || pattern.test(value)) ? value : undefined),
});

function numberOf(value: unknown, allows: (number: number) => boolean): number | undefined {
  const number = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) && allows(number) ? number : undefined;
}

const targetArn =
  'arn:[a-z-]{3,20}:(?:lambda:[a-z0-9-]{1,30}:\\d{12}:function:[\\w*:-]{1,170}|sqs:[a-z0-9-]{1,30}:\\d{12}:[\\w*.-]{1,80})';
/** The variables of a function have 4 KB in all. */
const pushTargetsPattern = new RegExp(`^(?=.{1,3000}$)${targetArn}(?:,${targetArn}){0,19}$`);

const octet = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const ipv4 = `${octet}(?:\\.${octet}){3}`;
const clientRange = `${ipv4}/(?:[89]|[12]\\d|3[0-2])`;

export const options: { readonly [K in keyof RivuletConfig]: Option<RivuletConfig[K]> } = {
  name: text('Rivulet', /^[A-Za-z][A-Za-z0-9]{0,29}$/, {
    allowed: 'a letter, then up to 29 letters and digits',
    does: 'Begins the names of stacks and alarms, and is the `service` of the metrics. Several deployments in one account need different names.',
  }),
  throwAway: flag(false, {
    does: 'For tests: removal deletes the data too, and nothing protects the stacks from it. Otherwise the data is retained.',
  }),
  restoreDays: whole(7, 1, 35, {
    does: 'How far back the data can be restored: the window of the table, and how long deleted objects are kept.',
  }),
  existingBucket: text('', /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, {
    allowed: 'the name of a bucket',
    does: 'Use this bucket, which an earlier deployment retained.',
  }),
  existingTable: text('', /^[A-Za-z0-9_.-]{3,255}$/, {
    allowed: 'the name of a table',
    does: 'Use this table, which an earlier deployment retained or which was restored to a point in time.',
  }),
  existingTableStream: text(
    '',
    /^arn:[a-z-]+:dynamodb:[a-z0-9-]+:\d{12}:table\/[\w.-]{3,255}\/stream\/[0-9TZ:.-]{1,40}$/,
    {
      allowed: 'the ARN of a stream of a table',
      does: 'The stream of `existingTable`, by which records are pushed. docs/RUNBOOK.md says how to switch it on.',
    },
  ),
  produceMemoryMiB: whole(512, 128, 10_240, { does: 'Memory of the produce function; processor time grows with it.' }),
  fetchMemoryMiB: whole(256, 128, 10_240, {
    does: 'Memory of the fetch function. A waiting consumer pays for it all the time.',
  }),
  fetchConcurrency: whole(0, 0, 10_000, {
    does:
      'At most this many fetches run at the same time, so that consumers leave producers their share of the account. ' +
      '0 means no cap. A new account has 10 in all and cannot reserve any.',
  }),
  requestsPerSecond: whole(1_000, 1, 100_000, {
    does: 'The API answers 429 above this rate. Bursts may have twice as many.',
  }),
  fetchesPerSecond: whole(200, 1, 100_000, { does: 'The same limit for each fetch route alone.' }),
  publicHealth: flag(true, { does: 'GET /v1/health needs no signature.' }),
  publicOpenApi: flag(true, { does: 'GET /openapi.json needs no signature.' }),
  corsOrigins: text('', new RegExp(`^${originPattern}(,${originPattern}){0,19}$`), {
    allowed: 'up to 20 origins like `https://app.example.com`, separated by commas',
    does: 'Pages of these origins may call the API from a browser, with signed requests. Empty means none.',
  }),
  logRetentionDays: oneOfNumbers(14, [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], {
    does: 'How long the logs of functions and API are kept.',
  }),
  metricsPerTopic: flag(false, { does: 'Also emit the metrics for each topic. Each costs about $0.30 a month.' }),
  automaticMaintenance: flag(true, {
    does: 'Merge, retention, compaction and sweep run by themselves. Otherwise they run only when `rivulet maintain` asks for them.',
  }),
  maintenanceConcurrency: whole(0, 0, 1_000, {
    does:
      'At most this many partitions are merged or compacted at the same time, so that they leave producers their share of ' +
      'the account; 8 is enough for most. 0 means no cap, because a new account cannot reserve any.',
  }),
  maintenanceHourUtc: whole(3, 0, 23, { does: 'The hour of the daily maintenance.' }),
  pushTargets: text('', pushTargetsPattern, {
    allowed:
      'up to 20 ARNs of functions and SQS queues, in which `*` may stand in the name, separated by commas; 3,000 characters in all',
    does:
      'The functions and queues to which subscriptions of the command line and of the API may push. A function with a ' +
      '`RivuletEventSource` needs no entry.',
  }),
  pushConcurrency: whole(0, 0, 10_000, {
    does:
      'At most this many partitions are pushed at the same time. Each holds two executions of the account: one that ' +
      'waits, and the handler. 0 means no cap, because a new account cannot reserve any.',
  }),
  offsetsRetentionMinutes: whole(
    limits.defaultOffsetsRetentionMinutes,
    limits.minOffsetsRetentionMinutes,
    limits.maxOffsetsRetentionMinutes,
    { does: "How long an empty group keeps an offset after its commit; Kafka's `offsets.retention.minutes`." },
  ),
  watch: oneOf('small', ['off', 'small', 'full'], { does: 'Which alarms are created. Each costs $0.10 a month.' }),
  alarmEmail: text('', /^[^@\s]{1,64}@[^@\s]{1,255}$/, {
    allowed: 'an e-mail address',
    does: 'The address that gets a mail when an alarm goes off. AWS asks it for a confirmation first.',
  }),
  dashboard: flag(false, {
    does: 'Creates a CloudWatch dashboard. It costs $3 a month after the first three of an account.',
  }),
  kafkaGateway: flag(false, {
    does: "Also serves Kafka's protocol, by two tasks on Fargate behind an internal load balancer. It costs about $53 a month.",
  }),
  kafkaSecretArn: text('', /^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]{1,512}$/, {
    allowed: 'the whole ARN of a secret of Secrets Manager',
    does: "The secret with the gateway's TLS certificate and its users. The gateway is not deployed without it.",
  }),
  kafkaHostName: text('', /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/, {
    allowed: 'a host name in lower case',
    does: "The name in the gateway's TLS certificate, which you let point to its load balancer. Clients are told of it.",
  }),
  kafkaImage: text('public.ecr.aws/docker/library/node:24-bookworm-slim', /^[a-z0-9][\w./:@-]{1,499}$/, {
    allowed: 'the name of an image with Node 24 for arm64',
    does: "The image of the gateway's container. Its code comes from the bucket of the CDK.",
  }),
  kafkaVpcRange: text('10.0.0.0/16', new RegExp(`^${ipv4}/(?:1[6-9]|2[0-6])$`), {
    allowed: 'a range of IPv4 addresses like `10.20.0.0/24`, from /16 to /26',
    does: "The addresses of the gateway's VPC. A VPC that is peered with it must have others. A change replaces the VPC and all that is in it.",
  }),
  kafkaClientRanges: text('', new RegExp(`^${clientRange}(?:,${clientRange}){0,19}$`), {
    allowed: 'up to 20 ranges of IPv4 addresses like `10.1.0.0/16`, separated by commas',
    does: 'Clients with these addresses reach the gateway, beside those in its own VPC: name the ranges of the VPCs that are peered with it.',
  }),
};

/** Throws an Error whose message names option, limit and value. */
export function configOf(given: Readonly<Record<string, unknown>>): RivuletConfig {
  const strange = Object.keys(given).filter((name) => !Object.hasOwn(options, name));
  if (strange.length > 0)
    throw new Error(`${strange.join(', ')}: unknown option, expected one of ${Object.keys(options).join(', ')}`);
  const read = Object.entries<Option<unknown>>(options).map(([name, option]) => [
    name,
    optionValue(name, option, given[name]),
  ]);
  return checked(Object.fromEntries(read) as RivuletConfig);
}

function optionValue(name: string, option: Option<unknown>, given: unknown): unknown {
  if (given === undefined) return option.fallback;
  const value = option.read(given);
  if (value === undefined) throw new Error(`${name}: expected ${option.allowed}, got ${JSON.stringify(given)}`);
  return value;
}

function checked(config: RivuletConfig): RivuletConfig {
  if (config.alarmEmail !== '' && config.watch === 'off')
    throw new Error(
      `alarmEmail: expected no address while watch is "off", because no alarm could mail it, got "${config.alarmEmail}"`,
    );
  if (config.existingTable !== '' && config.existingTableStream === '')
    throw new Error(
      'existingTableStream: expected the ARN of the stream of existingTable, because records are pushed by it, got none: docs/RUNBOOK.md, "The stream of the table", says how to switch it on',
    );
  if (config.kafkaGateway && config.kafkaSecretArn === '')
    throw new Error(
      'kafkaSecretArn: expected the secret with the TLS certificate and the users while kafkaGateway is true, because others can reach the gateway, got none',
    );
  return config;
}

const prefix = 'rivulet:';

/** Reads the options from the context of a CDK app. Keys that do not begin with `rivulet:` belong to others. */
export function configOfContext(context: Readonly<Record<string, unknown>>): RivuletConfig {
  const ours = Object.entries(context).filter(([key]) => key.startsWith(prefix));
  try {
    return configOf(Object.fromEntries(ours.map(([key, value]) => [key.slice(prefix.length), value])));
  } catch (error) {
    throw new Error(`${prefix}${error instanceof Error ? error.message : String(error)}`);
  }
}
