// The deployment as three stacks. The data has a stack that nothing else touches, the service has one that can be replaced
// at any time, and the alarms have a third.
//
// Invariant: a value that one stack may take from another is always exported, also while no stack takes it. CloudFormation
// refuses to withdraw an export in use, and the exporting stack is deployed first. Otherwise some changes of options could
// not be deployed.
import { type App, CfnOutput, Stack } from 'aws-cdk-lib';
import type { Watched } from './alarms.ts';
import type { RivuletConfig } from './config.ts';
import { KafkaGateway, type KafkaGatewayProps } from './kafka-gateway.ts';
import { Service } from './service.ts';
import { existingIn, Storage, type Stored } from './storage.ts';
import { Watch } from './watch.ts';

/** `bundles` is the folder that `bundleFunctions` wrote. */
export function createStacks(app: App, config: RivuletConfig, bundles: string): void {
  const stack = new Stack(app, `${config.name}Service`, { description: 'Rivulet: the functions and their HTTP API' });
  const stored = storedFor(stack, config);
  const service = new Service(stack, 'Service', { config, bundles, stored });
  tell(stack, service, stored);
  const watched = exportedNames(stack, service, stored);
  if (config.watch !== 'off' || config.dashboard) watchStack(stack, config, watched);
  if (config.kafkaGateway) kafkaStack(stack, { config, bundles, stored });
}

function tell(stack: Stack, { url, functions }: Service, { bucketName, tableName }: Stored): void {
  const outputs = {
    Url: url,
    Region: stack.region,
    BucketName: bucketName,
    TableName: tableName,
    ProduceFunction: functions.produce.functionName,
    MaintenanceFunction: functions.maintenance.functionName,
    LagFunction: functions.lag.functionName,
    TendFunction: functions.tend.functionName,
    CommandLine: `npx rivulet --url ${url} topics list`,
    Sdk: `new Rivulet({ url: '${url}' })`,
  };
  for (const [name, value] of Object.entries(outputs)) new CfnOutput(stack, name, { value });
}

/** It uses the data as the functions do, and is deployed after them. */
function kafkaStack(service: Stack, props: KafkaGatewayProps): void {
  const stack = new Stack(service.node.scope!, `${props.config.name}Kafka`, {
    description: 'Rivulet: the Kafka gateway',
  });
  stack.addStackDependency(service);
  const { host, service: tasks } = new KafkaGateway(stack, 'Kafka', props);
  new CfnOutput(stack, 'BootstrapServers', { value: `${host}:9092` });
  new CfnOutput(stack, 'ClusterName', { value: tasks.cluster.clusterName });
  new CfnOutput(stack, 'ServiceName', { value: tasks.serviceName });
}

function watchStack(service: Stack, config: RivuletConfig, watched: Watched): void {
  const stack = new Stack(service.node.scope!, `${config.name}Watch`, { description: 'Rivulet: alarms and dashboard' });
  stack.addStackDependency(service);
  new Watch(stack, 'Watch', { config, watched });
}

function exportedNames(stack: Stack, { watched }: Service, { tableName }: Stored): Watched {
  const { apiId, deadLettersName, functionNames } = watched;
  const names = Object.entries(functionNames).map(([name, value]) => [name, stack.exportValue(value)] as const);
  return {
    tableName,
    apiId: stack.exportValue(apiId),
    deadLettersName: stack.exportValue(deadLettersName),
    functionNames: Object.fromEntries(names) as Watched['functionNames'],
  };
}

/** If bucket and table both come from another deployment, the app has no data stack. One that was deployed stays as it is. */
function storedFor(stack: Stack, config: RivuletConfig): Stored {
  const existing = existingIn(stack, config);
  if (config.existingBucket && config.existingTable) return existing as Stored;
  return { ...exportedBy(dataStack(stack, config)), ...existing };
}

/** The stack of the bucket and the table. `user` is deployed after it. */
function dataStack(user: Stack, config: RivuletConfig): Storage {
  const stack = new Stack(user.node.scope!, `${config.name}Data`, {
    description: 'Rivulet: the segments and their index',
    terminationProtection: !config.throwAway,
  });
  user.addStackDependency(stack);
  return new Storage(stack, 'Storage', config);
}

function exportedBy(storage: Storage): Stored {
  const stack = Stack.of(storage);
  const { bucketName, bucketArn, tableName, tableArn, tableStreamArn } = storage.stored;
  return {
    bucketName: stack.exportValue(bucketName),
    bucketArn: stack.exportValue(bucketArn),
    tableName: stack.exportValue(tableName),
    tableArn: stack.exportValue(tableArn),
    tableStreamArn: stack.exportValue(tableStreamArn),
  };
}
