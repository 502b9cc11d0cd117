// The watch tells a person that something is wrong. It has the alarms of `alarms.ts`, an SNS topic that mails them, and a
// dashboard. CloudWatch bills each alarm and each dashboard, so the configuration decides about both.
import { Stack } from 'aws-cdk-lib';
import { Alarm, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import { alarms, comparisonOf, headingOf, type Metrics, metricsOf, type Watched } from './alarms.ts';
import type { RivuletConfig } from './config.ts';
import { createDashboard } from './dashboard.ts';

type WatchProps = { readonly config: RivuletConfig; readonly watched: Watched };

export class Watch extends Construct {
  readonly alarms: readonly Alarm[];

  constructor(scope: Construct, id: string, { config, watched }: WatchProps) {
    super(scope, id);
    const metrics = metricsOf(watched, config);
    this.alarms = createAlarms(this, config, metrics);
    if (config.alarmEmail) mailAlarms(this, this.alarms, config.alarmEmail);
    if (config.dashboard) createDashboard(this, config, metrics);
  }
}

function createAlarms(scope: Construct, { name, watch }: RivuletConfig, metrics: Metrics): Alarm[] {
  const wanted = alarms.filter(({ size }) => watch === 'full' || size === watch);
  return wanted.map(
    (spec) =>
      new Alarm(scope, spec.name, {
        alarmName: `${name}-${spec.name}`,
        alarmDescription: `${spec.says} What to do: docs/RUNBOOK.md, "${headingOf(spec.name)}".`,
        metric: spec.metric(metrics),
        threshold: spec.threshold,
        comparisonOperator: comparisonOf(spec),
        datapointsToAlarm: spec.periods[0],
        evaluationPeriods: spec.periods[1],
        treatMissingData: spec.silenceIsBad ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
      }),
  );
}

export function mailAlarms(scope: Construct, created: readonly Alarm[], address: string): void {
  const topic = new Topic(scope, 'Alarms', { displayName: 'Rivulet alarms', enforceSSL: true });
  // A topic with a policy of its own loses the default policy, which lets CloudWatch publish.
  topic.addToResourcePolicy(
    new PolicyStatement({
      actions: ['sns:Publish'],
      principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
      resources: [topic.topicArn],
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
    }),
  );
  topic.addSubscription(new EmailSubscription(address));
  for (const alarm of created) {
    alarm.addAlarmAction(new SnsAction(topic));
    alarm.addOkAction(new SnsAction(topic));
  }
}
