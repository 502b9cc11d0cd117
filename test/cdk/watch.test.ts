import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { headingOf } from '../../cdk/alarms.ts';
import { maintenanceMetrics } from '../../functions/metric-names.ts';
import { resourcesOf, templatesWith } from './synth.ts';

const full = templatesWith({ watch: 'full', dashboard: true, alarmEmail: 'operator@example.com' }).RivuletWatch!;
const alarmsOf = (template: typeof full) =>
  resourcesOf(template, 'AWS::CloudWatch::Alarm').map(([, it]) => it.Properties);
const namesOf = (template: typeof full) => alarmsOf(template).map(({ AlarmName }) => String(AlarmName).split('-')[1]!);

describe('the alarms', () => {
  test('are few by default', () => {
    expect(namesOf(templatesWith().RivuletWatch!).sort()).toEqual([
      'DeadLetters',
      'HotPartition',
      'MergeStopped',
      'MissingObjects',
      'PushBlocked',
      'PushLostRecords',
      'RecordsExpireUnread',
      'ServerErrors',
    ]);
    expect(namesOf(full)).toEqual(expect.arrayContaining(['SlowProduce', 'ProduceThrottled', 'MaintenanceNotRun']));
  });

  test('have each a heading in the runbook, and name that heading in their mail', () => {
    const runbook = readFileSync('docs/RUNBOOK.md', 'utf8');
    const headings = [...runbook.matchAll(/^## (Alarm: .*)$/gm)].map(([, heading]) => heading);
    expect(headings.sort()).toEqual([...namesOf(full), 'KafkaGatewayDown'].map(headingOf).sort());
    for (const { AlarmDescription, AlarmName } of alarmsOf(full))
      expect(AlarmDescription).toContain(`docs/RUNBOOK.md, "${headingOf(String(AlarmName).split('-')[1]!)}"`);
  });

  test('are silent while there are no calls, except the alarm for maintenance that does not run', () => {
    const loud = alarmsOf(full).filter(({ TreatMissingData }) => TreatMissingData !== 'notBreaching');
    expect(loud.map(({ AlarmName, TreatMissingData }) => [AlarmName, TreatMissingData])).toEqual([
      ['Rivulet-MaintenanceNotRun', 'breaching'],
    ]);
  });

  test('watch maintenance over more than a day, because two daily runs can be a little more than a day apart', () => {
    const [{ Period, EvaluationPeriods, DatapointsToAlarm } = {}] = alarmsOf(full).filter(
      ({ AlarmName }) => AlarmName === 'Rivulet-MaintenanceNotRun',
    );
    expect(Number(Period) * Number(EvaluationPeriods)).toBeGreaterThan(25 * 3_600);
    expect(DatapointsToAlarm).toBe(EvaluationPeriods);
  });

  test('take the greatest count of several audits, so that a second run on a day does not double it', () => {
    const ofAudits = alarmsOf(full).filter(({ MetricName }) =>
      Object.values(maintenanceMetrics).includes(MetricName as never),
    );
    expect(ofAudits.map(({ Statistic }) => Statistic)).toEqual(['Maximum', 'Maximum', 'Maximum', 'Maximum']);
  });

  test('send mail by a topic that CloudWatch may publish to, over TLS alone', () => {
    full.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'email', Endpoint: 'operator@example.com' });
    const [, policy] = resourcesOf(full, 'AWS::SNS::TopicPolicy')[0]!;
    expect(policy.Properties.PolicyDocument).toMatchObject({
      Statement: expect.arrayContaining([
        expect.objectContaining({ Effect: 'Allow', Principal: { Service: 'cloudwatch.amazonaws.com' } }),
        expect.objectContaining({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
      ]),
    });
    for (const { AlarmActions } of alarmsOf(full)) expect(AlarmActions).toHaveLength(1);
  });

  test('have a dashboard whose name contains the region, because dashboard names are unique in an account', () => {
    const dashboards = resourcesOf(full, 'AWS::CloudWatch::Dashboard').map(([, it]) => it.Properties.DashboardName);
    expect(dashboards).toEqual([{ 'Fn::Join': ['', ['Rivulet-', { Ref: 'AWS::Region' }]] }]);
  });

  test('have no stack when watch is off, and a dashboard alone has no alarms', () => {
    expect(Object.keys(templatesWith({ watch: 'off' }))).not.toContain('RivuletWatch');
    const dashboardAlone = templatesWith({ watch: 'off', dashboard: true }).RivuletWatch!;
    expect(alarmsOf(dashboardAlone)).toEqual([]);
  });
});
