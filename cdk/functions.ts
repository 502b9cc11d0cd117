// The Lambda functions. Each has a role and a log group of its own.
//
// Invariant: a role may do to the data what `rights` says, and write its own log, and nothing else. No function is in a VPC
// or has an environment kept warm, so a function that is not called costs nothing.
import path from 'node:path';
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Policy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  ApplicationLogLevel,
  Architecture,
  Code,
  type FunctionOptions,
  Function as LambdaFunction,
  LoggingFormat,
  RecursiveLoop,
  Runtime,
  SystemLogLevel,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { type FunctionName, functionNames } from '../functions/routes.ts';
import { acceptWildcard } from './accepted-findings.ts';
import type { RivuletConfig } from './config.ts';
import { invokes, rights } from './rights.ts';
import type { Stored } from './storage.ts';

export type FunctionsProps = {
  readonly config: RivuletConfig;
  readonly stored: Stored;
  /** The folder that `bundleFunctions` has written. */
  readonly bundles: string;
};

export type Functions = Readonly<Record<FunctionName, LambdaFunction>>;

export function createFunctions(scope: Construct, props: FunctionsProps): Functions {
  const created = functionNames.map((name) => [name, createFunction(scope, name, props)] as const);
  const functions = Object.fromEntries(created) as Functions;
  letInvoke(scope, functions, props.config);
  return functions;
}

/**
 * A function learns the names of those that it invokes. The right to do so is a policy of its own: a function depends on the
 * policy of its role, so that one cannot name the function itself.
 */
function letInvoke(scope: Construct, functions: Functions, { automaticMaintenance }: RivuletConfig): void {
  functions.topics.addEnvironment('MAINTENANCE_FUNCTION', functions.maintenance.functionName);
  for (const { from, to, variable, isAutomatic } of invokes) {
    if (isAutomatic && !automaticMaintenance) continue;
    if (variable !== undefined) functions[from].addEnvironment(variable, functions[to].functionName);
    const policy = new Policy(scope, `${idOf(from)}Invokes${idOf(to)}`, {
      statements: [new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [functions[to].functionArn] })],
    });
    functions[from].role!.attachInlinePolicy(policy);
  }
}

const idOf = (name: FunctionName): string => `${name.charAt(0).toUpperCase()}${name.slice(1)}`;

/** Less than the 30 s after which API Gateway gives up, so that the caller learns from us what happened to the data. */
const requestTimeout = Duration.seconds(29);

function settingsOf(name: FunctionName, config: RivuletConfig): FunctionOptions {
  const settings: Readonly<Record<FunctionName, FunctionOptions>> = {
    produce: { description: 'Rivulet: writes records', memorySize: config.produceMemoryMiB },
    fetch: {
      description: 'Rivulet: reads records',
      memorySize: config.fetchMemoryMiB,
      ...(config.fetchConcurrency > 0 && { reservedConcurrentExecutions: config.fetchConcurrency }),
    },
    topics: { description: 'Rivulet: topics and offsets', memorySize: 256 },
    groups: { description: 'Rivulet: coordinates consumer groups', memorySize: 256 },
    transactions: { description: 'Rivulet: begins, commits and aborts transactions', memorySize: 256 },
    meta: { description: 'Rivulet: health, OpenAPI, and what no route takes', memorySize: 128 },
    lag: {
      description: 'Rivulet: closes dead members, removes old offsets, reports lag',
      memorySize: 256,
      timeout: Duration.minutes(5),
    },
    tend: {
      description: 'Rivulet: merges, expires and compacts',
      // One whole processor: above this a second one would stand idle.
      memorySize: 1_769,
      timeout: Duration.minutes(15),
      // It invokes itself while there is more to do. Lambda would take that for a runaway loop, and stop it.
      recursiveLoop: RecursiveLoop.ALLOW,
      ...(config.maintenanceConcurrency > 0 && { reservedConcurrentExecutions: config.maintenanceConcurrency }),
    },
    subscriptions: { description: 'Rivulet: subscriptions of functions and webhooks', memorySize: 256 },
    router: {
      description: 'Rivulet: finds the subscriptions of what was written',
      memorySize: 256,
      // A batch of the stream has 1,000 heads at most. After the timeout Lambda tries it again.
      timeout: Duration.minutes(1),
    },
    dispatcher: {
      description: 'Rivulet: pushes records to functions and webhooks',
      memorySize: 256,
      // A run begins deliveries for two minutes, and a target may take ten.
      timeout: Duration.minutes(15),
      recursiveLoop: RecursiveLoop.ALLOW,
      ...(config.pushConcurrency > 0 && { reservedConcurrentExecutions: config.pushConcurrency }),
    },
    maintenance: {
      description: 'Rivulet: finds what is due, and deletes what nothing names',
      memorySize: 512,
      timeout: Duration.minutes(15),
    },
  };
  return { timeout: requestTimeout, ...settings[name] };
}

function createFunction(scope: Construct, name: FunctionName, props: FunctionsProps): LambdaFunction {
  const { config, stored, bundles } = props;
  const id = idOf(name);
  const logGroup = new LogGroup(scope, `${id}Log`, {
    retention: config.logRetentionDays satisfies RetentionDays,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const role = new Role(scope, `${id}Role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  logGroup.grantWrite(role);
  allow(role, name, stored);
  return new LambdaFunction(scope, id, {
    ...settingsOf(name, config),
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    code: Code.fromAsset(path.join(bundles, name)),
    handler: 'index.handler',
    role,
    logGroup,
    loggingFormat: LoggingFormat.JSON,
    applicationLogLevelV2: ApplicationLogLevel.INFO,
    // Three lines for each request (START, END, REPORT) would cost as much as the request.
    systemLogLevelV2: SystemLogLevel.WARN,
    environment: {
      BUCKET: stored.bucketName,
      TABLE: stored.tableName,
      SERVICE: config.name,
      LOG_LEVEL: 'INFO',
      METRICS_PER_TOPIC: String(config.metricsPerTopic),
      ...(name === 'maintenance' && { TABLE_ARN: stored.tableArn }),
      ...(name === 'lag' && { OFFSETS_RETENTION_MINUTES: String(config.offsetsRetentionMinutes) }),
    },
  });
}

function allow(role: Role, name: FunctionName, { bucketArn, tableArn }: Stored): void {
  const { objects, bucket, table } = rights[name];
  const everyObject = `${bucketArn}/*`;
  const lists = [
    { actions: objects, resource: everyObject },
    { actions: bucket, resource: bucketArn },
    { actions: table, resource: tableArn },
  ];
  for (const { actions, resource } of lists) {
    if (actions.length > 0) role.addToPolicy(new PolicyStatement({ actions: [...actions], resources: [resource] }));
  }
  if (objects.length > 0)
    acceptWildcard(
      role,
      everyObject,
      'Objects have random names. The role is limited to the objects of this one bucket.',
    );
}
