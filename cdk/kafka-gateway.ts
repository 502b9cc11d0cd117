// The Kafka gateway as an optional service: tasks on Fargate behind an internal network load balancer with a listener for each
// node. It holds no data; every task serves every node. ADR 0031 says why it is made so.
//
// Invariant: nothing but the load balancer reaches the tasks, and nothing outside of the VPC and of `kafkaClientRanges` reaches the
// load balancer. A task starts only with the secret that has its TLS certificate and its users.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Aws, Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import {
  GatewayVpcEndpointAwsService,
  IpAddresses,
  type IVpc,
  Peer,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import {
  AwsLogDriverMode,
  Cluster,
  ContainerImage,
  CpuArchitecture,
  FargateService,
  FargateTaskDefinition,
  type ICluster,
  LogDriver,
  OperatingSystemFamily,
} from 'aws-cdk-lib/aws-ecs';
import { NetworkLoadBalancer, type NetworkTargetGroup, Protocol } from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { accept, acceptWildcard } from './accepted-findings.ts';
import { headingOf } from './alarms.ts';
import type { RivuletConfig } from './config.ts';
import { type Rights, rights } from './rights.ts';
import type { Stored } from './storage.ts';
import { mailAlarms } from './watch.ts';

export type KafkaGatewayProps = {
  readonly config: RivuletConfig;
  readonly stored: Stored;
  /** The folder that `bundleFunctions` has written. */
  readonly bundles: string;
};

const firstPort = 9092;
const healthPort = 9080;
const nodes = 3;
const ports = Array.from({ length: nodes }, (_, i) => firstPort + i);
const tasks = 2;
/** Connections are ended over 20 s; requests under way may take some seconds more. */
const drainSeconds = 20;
const stopTimeout = Duration.seconds(60);

export class KafkaGateway extends Construct {
  /** The host that clients connect to, on the ports from 9092 on. */
  readonly host: string;
  readonly vpc: IVpc;
  readonly service: FargateService;

  constructor(scope: Construct, id: string, props: KafkaGatewayProps) {
    super(scope, id);
    this.vpc = createVpc(this, props.config);
    const outside = clientAccess(this, this.vpc, props.config);
    const balancer = new NetworkLoadBalancer(this, 'Balancer', {
      ...{ vpc: this.vpc, internetFacing: false, crossZoneEnabled: true, securityGroups: [outside] },
    });
    accept(balancer, {
      id: 'AwsSolutions-ELB2',
      reason: 'A network load balancer logs only connections with TLS, and these pass through it to the tasks.',
    });
    this.host = props.config.kafkaHostName || balancer.loadBalancerDnsName;
    this.service = createService(this, props, this.host, this.vpc);
    const groups = ports.map((port) => listen(balancer, this.service, port));
    for (const port of [...ports, healthPort]) this.service.connections.allowFrom(outside, Port.tcp(port));
    if (props.config.watch !== 'off') createAlarms(this, props.config, groups[0]!);
  }
}

/** Public subnets without a NAT gateway, which would cost more than all the rest: tasks need to reach the image and the logs. */
function createVpc(scope: Construct, { kafkaVpcRange }: RivuletConfig): IVpc {
  const vpc = new Vpc(scope, 'Vpc', {
    ipAddresses: IpAddresses.cidr(kafkaVpcRange),
    maxAzs: 2,
    natGateways: 0,
    subnetConfiguration: [{ name: 'Tasks', subnetType: SubnetType.PUBLIC, mapPublicIpOnLaunch: false }],
    restrictDefaultSecurityGroup: false,
  });
  vpc.addGatewayEndpoint('S3', { service: GatewayVpcEndpointAwsService.S3 });
  vpc.addGatewayEndpoint('DynamoDb', { service: GatewayVpcEndpointAwsService.DYNAMODB });
  accept(vpc, {
    id: 'AwsSolutions-VPC7',
    reason: 'Flow logs cost by the gigabyte, and can be turned on beside the stack.',
  });
  return vpc as IVpc;
}

/** The security group of the load balancer. A peered VPC is none of its sources until its range is named. */
function clientAccess(scope: Construct, vpc: IVpc, { kafkaClientRanges }: RivuletConfig): SecurityGroup {
  const access = new SecurityGroup(scope, 'BalancerAccess', { vpc, description: 'Clients in the VPC' });
  accept(access, {
    id: 'AwsSolutions-EC23',
    reason: 'Its sources are the range of the VPC, which is known at deployment, and those that the deployment names.',
  });
  const port = Port.tcpRange(firstPort, firstPort + nodes - 1);
  access.addIngressRule(Peer.ipv4(vpc.vpcCidrBlock), port, 'Clients in the VPC');
  for (const range of kafkaClientRanges.split(',').filter(Boolean))
    access.addIngressRule(Peer.ipv4(range), port, 'Clients elsewhere');
  return access;
}

function createService(scope: Construct, props: KafkaGatewayProps, host: string, vpc: IVpc): FargateService {
  const cluster = new Cluster(scope, 'Cluster', { vpc });
  accept(cluster, {
    id: 'AwsSolutions-ECS4',
    reason: 'Container insights cost more than the alarms that would use them.',
  });
  const service = new FargateService(scope, 'Service', {
    cluster: cluster as ICluster,
    taskDefinition: createTask(scope, props, host),
    desiredCount: tasks,
    minHealthyPercent: 100,
    maxHealthyPercent: 200,
    circuitBreaker: { rollback: true },
    healthCheckGracePeriod: Duration.seconds(60),
    vpcSubnets: { subnetType: SubnetType.PUBLIC },
    // For the way out. The security group lets nothing in but the load balancer.
    assignPublicIp: true,
  });
  // Tasks cannot get their image before the way out is there, and the way out cannot be removed before their addresses.
  service.node.addDependency(...vpc.publicSubnets.map((subnet) => subnet.internetConnectivityEstablished));
  return service;
}

function createTask(scope: Construct, { config, stored, bundles }: KafkaGatewayProps, host: string) {
  const file = path.join(bundles, 'kafka-gateway', 'index.mjs');
  const code = new Asset(scope, 'Code', { path: file });
  const secret = Secret.fromSecretCompleteArn(scope, 'Security', config.kafkaSecretArn);
  const task = new FargateTaskDefinition(scope, 'Task', {
    ...{ cpu: 512, memoryLimitMiB: 1_024 },
    runtimePlatform: { cpuArchitecture: CpuArchitecture.ARM64, operatingSystemFamily: OperatingSystemFamily.LINUX },
  });
  const logGroup = new LogGroup(scope, 'Log', {
    retention: config.logRetentionDays satisfies RetentionDays,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  task.addContainer('Gateway', {
    image: ContainerImage.fromRegistry(config.kafkaImage),
    entryPoint: [
      'node',
      '--input-type=module',
      '-e',
      readFileSync(path.join(bundles, 'kafka-bootstrap', 'index.mjs'), 'utf8'),
    ],
    command: ['--', ...argumentsOf(stored, host)],
    environment: {
      CODE_BUCKET: code.s3BucketName,
      CODE_KEY: code.s3ObjectKey,
      CODE_SHA256: createHash('sha256').update(readFileSync(file)).digest('hex'),
      KAFKA_SECURITY_SECRET: config.kafkaSecretArn,
      AWS_REGION: Aws.REGION,
      URL_SUFFIX: Aws.URL_SUFFIX,
      // A file system in memory. Nothing else can be written, and the private key reaches no disk.
      TMPDIR: '/dev/shm',
    },
    // A number, because images name their users differently.
    user: '1000:1000',
    readonlyRootFilesystem: true,
    // A driver that blocks would stop the gateway while CloudWatch does not answer.
    logging: LogDriver.awsLogs({ logGroup, streamPrefix: 'kafka', mode: AwsLogDriverMode.NON_BLOCKING }),
    portMappings: [...ports, healthPort].map((containerPort) => ({ containerPort })),
    stopTimeout,
  });
  accept(task, { id: 'AwsSolutions-ECS2', reason: 'The variables name the code and the secret, and hold no secret.' });
  allowCode(task, code);
  secret.grantRead(task.taskRole);
  allow(task, stored);
  return task;
}

/** Tasks of the version before may have to start again while a new one is deployed or rolled back, with this same role. */
function allowCode({ taskRole }: FargateTaskDefinition, { bucket }: Asset): void {
  const everyModule = bucket.arnForObjects('*.mjs');
  taskRole.addToPrincipalPolicy(new PolicyStatement({ actions: ['s3:GetObject'], resources: [everyModule] }));
  acceptWildcard(taskRole, everyModule, 'The file has the name of its content, so each version has another one.');
}

const argumentsOf = ({ tableName, bucketName }: Stored, host: string): string[] => [
  ...['kafka', '--table', tableName, '--bucket', bucketName],
  ...['--host', '0.0.0.0', '--port', String(firstPort), '--nodes', String(nodes)],
  ...['--advertise', ports.map((port) => `${host}:${port}`).join(',')],
  ...['--health-port', String(healthPort), '--drain-seconds', String(drainSeconds)],
];

/** The gateway does what these functions do, each of which has its part of the engine. */
const served = ['produce', 'fetch', 'topics', 'groups', 'transactions'] as const;

const union = (kind: keyof Rights): string[] => [...new Set(served.flatMap((name) => rights[name][kind]))];

function allow(task: FargateTaskDefinition, { bucketArn, tableArn }: Stored): void {
  const everyObject = `${bucketArn}/*`;
  task.addToTaskRolePolicy(new PolicyStatement({ actions: union('objects'), resources: [everyObject] }));
  task.addToTaskRolePolicy(new PolicyStatement({ actions: union('table'), resources: [tableArn] }));
  const reason = 'Objects have random names. The role is limited to the objects of this one bucket.';
  acceptWildcard(task.taskRole, everyObject, reason);
}

function listen(balancer: NetworkLoadBalancer, service: FargateService, port: number): NetworkTargetGroup {
  const listener = balancer.addListener(`Node${port}`, { port, protocol: Protocol.TCP });
  return listener.addTargets(`Tasks${port}`, {
    ...{ port, protocol: Protocol.TCP, deregistrationDelay: Duration.seconds(drainSeconds + 10) },
    targets: [service.loadBalancerTarget({ containerName: 'Gateway', containerPort: port })],
    healthCheck: {
      ...{ protocol: Protocol.TCP, port: String(healthPort), interval: Duration.seconds(10) },
      ...{ healthyThresholdCount: 2, unhealthyThresholdCount: 2 },
    },
  });
}

/** Every task serves every node, so that one group of targets tells of all. */
function createAlarms(scope: Construct, { name, alarmEmail }: RivuletConfig, group: NetworkTargetGroup): void {
  const alarmId = 'KafkaGatewayDown';
  const alarm = new Alarm(scope, alarmId, {
    alarmName: `${name}-${alarmId}`,
    alarmDescription: `No task of the Kafka gateway takes connections. What to do: docs/RUNBOOK.md, "${headingOf(alarmId)}".`,
    metric: group.metrics.healthyHostCount({ statistic: Stats.MAXIMUM, period: Duration.minutes(1) }),
    threshold: 1,
    comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
    evaluationPeriods: 3,
    treatMissingData: TreatMissingData.BREACHING,
  });
  if (alarmEmail) mailAlarms(scope, [alarm], alarmEmail);
}
