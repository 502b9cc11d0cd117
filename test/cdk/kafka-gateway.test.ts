// The optional stack of the Kafka gateway.
import { Match } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import { rights } from '../../cdk/rights.ts';
import { resourcesOf, templatesWith } from './synth.ts';

const kafkaSecretArn = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:kafka-AbCdEf';
const given = { kafkaGateway: true, kafkaSecretArn };
const template = templatesWith(given).RivuletKafka!;

test('is not there unless it is asked for, and adds nothing to the other stacks', () => {
  const { RivuletKafka, ...others } = templatesWith(given);
  expect(RivuletKafka).toBeDefined();
  const plain = templatesWith();
  expect(Object.keys(plain)).toEqual(Object.keys(others));
  for (const [name, other] of Object.entries(others)) expect(other.toJSON()).toEqual(plain[name]!.toJSON());
});

test('is not made without a secret, because others can reach it', () => {
  expect(() => templatesWith({ kafkaGateway: true })).toThrow(/^kafkaSecretArn: expected the secret/);
});

test('runs two small tasks on arm64, from a public image that starts the code of the asset', () => {
  template.hasResourceProperties('AWS::ECS::Service', { DesiredCount: 2, LaunchType: 'FARGATE' });
  template.hasOutput('ServiceName', { Value: { 'Fn::GetAtt': [Match.stringLikeRegexp('Service'), 'Name'] } });
  template.hasOutput('ClusterName', { Value: { Ref: Match.stringLikeRegexp('Cluster') } });
  template.hasResourceProperties('AWS::ECS::TaskDefinition', {
    ...{ Cpu: '512', Memory: '1024', RuntimePlatform: { CpuArchitecture: 'ARM64', OperatingSystemFamily: 'LINUX' } },
    ContainerDefinitions: [
      Match.objectLike({
        Image: 'public.ecr.aws/docker/library/node:24-bookworm-slim',
        EntryPoint: ['node', '--input-type=module', '-e', Match.stringLikeRegexp('CODE_BUCKET')],
        Environment: Match.arrayWith([
          { Name: 'CODE_SHA256', Value: Match.stringLikeRegexp('^[0-9a-f]{64}$') },
          { Name: 'AWS_REGION', Value: { Ref: 'AWS::Region' } },
          // The domain of China, GovCloud or any other partition.
          { Name: 'URL_SUFFIX', Value: { Ref: 'AWS::URLSuffix' } },
        ]),
        StopTimeout: 60,
      }),
    ],
  });
});

test('its container runs as no root, writes to memory only, and does not wait for its logs', () => {
  template.hasResourceProperties('AWS::ECS::TaskDefinition', {
    ContainerDefinitions: [
      Match.objectLike({
        User: '1000:1000',
        ReadonlyRootFilesystem: true,
        Environment: Match.arrayWith([{ Name: 'TMPDIR', Value: '/dev/shm' }]),
        LogConfiguration: Match.objectLike({ Options: Match.objectLike({ mode: 'non-blocking' }) }),
      }),
    ],
  });
});

test('no task starts before the way out is there, which its image comes by', () => {
  const [[, service] = []] = resourcesOf(template, 'AWS::ECS::Service');
  const routes = resourcesOf(template, 'AWS::EC2::Route').map(([id]) => id);
  expect(routes).toHaveLength(2);
  expect(service).toMatchObject({ DependsOn: expect.arrayContaining(routes) });
});

test('has a listener for each node on an internal load balancer, which asks the health port', () => {
  template.hasResourceProperties('AWS::ElasticLoadBalancingV2::LoadBalancer', { Scheme: 'internal', Type: 'network' });
  const listeners = resourcesOf(template, 'AWS::ElasticLoadBalancingV2::Listener');
  expect(listeners.map(([, { Properties }]) => [Properties.Port, Properties.Protocol])).toEqual([
    [9092, 'TCP'],
    [9093, 'TCP'],
    [9094, 'TCP'],
  ]);
  for (const [, { Properties }] of resourcesOf(template, 'AWS::ElasticLoadBalancingV2::TargetGroup'))
    expect(Properties).toMatchObject({ HealthCheckPort: '9080', HealthCheckProtocol: 'TCP' });
  const [[, definition] = []] = resourcesOf(template, 'AWS::ECS::TaskDefinition');
  const [{ Command }] = definition!.Properties.ContainerDefinitions as [{ Command: unknown[] }];
  expect(JSON.stringify(Command)).toMatch(/"--advertise",\{"Fn::Join":\["",\[.*:9092,.*:9093,.*:9094"\]\]\}/);
  const named = templatesWith({ ...given, kafkaHostName: 'kafka.example.com' }).RivuletKafka!;
  const advertised = 'kafka.example.com:9092,kafka.example.com:9093,kafka.example.com:9094';
  named.hasResourceProperties('AWS::ECS::TaskDefinition', {
    ContainerDefinitions: [Match.objectLike({ Command: Match.arrayWith(['--advertise', advertised]) })],
  });
});

test('lets nothing but the load balancer reach the tasks, and only the VPC the load balancer', () => {
  const sources = resourcesOf(template, 'AWS::EC2::SecurityGroupIngress').map(([, { Properties }]) => [
    Properties.FromPort,
    JSON.stringify(Properties.SourceSecurityGroupId).includes('BalancerAccess'),
  ]);
  expect(sources.sort()).toEqual([9080, 9092, 9093, 9094].map((port) => [port, true]));
  for (const [, { Properties }] of resourcesOf(template, 'AWS::EC2::SecurityGroup'))
    expect(JSON.stringify(Properties.SecurityGroupIngress ?? [])).not.toContain('0.0.0.0/0');
  template.resourceCountIs('AWS::EC2::NatGateway', 0);
  template.resourceCountIs('AWS::EC2::VPCEndpoint', 2);
});

test('clients of a peered VPC reach the load balancer where their range is named', () => {
  const kafkaClientRanges = '10.1.0.0/16,172.31.0.0/20';
  const peered = templatesWith({ ...given, kafkaVpcRange: '10.20.0.0/24', kafkaClientRanges }).RivuletKafka!;
  const [[, vpc] = []] = resourcesOf(peered, 'AWS::EC2::VPC');
  expect(vpc!.Properties.CidrBlock).toBe('10.20.0.0/24');
  const [[, access] = []] = resourcesOf(peered, 'AWS::EC2::SecurityGroup').filter(([id]) => id.includes('Balancer'));
  const rules = access!.Properties.SecurityGroupIngress as { CidrIp: unknown; FromPort: number; ToPort: number }[];
  expect(rules.map(({ CidrIp, FromPort, ToPort }) => [CidrIp, FromPort, ToPort])).toEqual([
    [{ 'Fn::GetAtt': [expect.stringContaining('Vpc'), 'CidrBlock'] }, 9092, 9094],
    ['10.1.0.0/16', 9092, 9094],
    ['172.31.0.0/20', 9092, 9094],
  ]);
});

test('its role may do to the data what the functions may whose work it does, and no more', () => {
  const statements = resourcesOf(template, 'AWS::IAM::Policy')
    .filter(([id]) => id.includes('TaskRole'))
    .flatMap(
      ([, { Properties }]) => (Properties.PolicyDocument as { Statement: { Action: string | string[] }[] }).Statement,
    )
    .flatMap(({ Action }) => Action);
  const allowed = ['produce', 'fetch', 'topics', 'groups', 'transactions'] as const;
  const onData = statements.filter((action) => /^(dynamodb|s3):[A-Z][A-Za-z]+$/.test(action)).sort();
  const wanted = new Set(allowed.flatMap((name) => [...rights[name].objects, ...rights[name].table]));
  expect([...new Set(onData)]).toEqual([...wanted].sort());
  expect(statements).not.toContain('s3:DeleteObject');
  template.hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: { Statement: Match.arrayWith([Match.objectLike({ Resource: kafkaSecretArn })]) },
  });
});

test('its role may read the code of other versions, whose tasks start again when a deployment is rolled back', () => {
  const policies = JSON.stringify(resourcesOf(template, 'AWS::IAM::Policy'));
  expect(policies).toContain('/*.mjs');
  const [[, definition] = []] = resourcesOf(template, 'AWS::ECS::TaskDefinition');
  const [{ Environment }] = definition!.Properties.ContainerDefinitions as [
    { Environment: { Name: string; Value: string }[] },
  ];
  expect(Environment.find(({ Name }) => Name === 'CODE_KEY')!.Value).toMatch(/^[0-9a-f]{64}\.mjs$/);
});

test('an alarm tells that no task takes connections', () => {
  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    AlarmName: 'Rivulet-KafkaGatewayDown',
    MetricName: 'HealthyHostCount',
    TreatMissingData: 'breaching',
  });
  templatesWith({ ...given, watch: 'off' }).RivuletKafka!.resourceCountIs('AWS::CloudWatch::Alarm', 0);
});
