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
  test('are few unless more are wanted', () => {
    expect(namesOf(templatesWith().RivuletWatch!).sort()).toEqual([
      'DeadLetters',
      'HotPartition',
      'MissingObjects',
      'ServerErrors',
    ]);
    expect(namesOf(full)).toEqual(expect.arrayContaining(['SlowProduce', 'ProduceThrottled', 'MaintenanceNotRun']));
  });

  test('have each a heading in the runbook, which names the heading in turn', () => {
    const runbook = readFileSync('docs/RUNBOOK.md', 'utf8');
    const headings = [...runbook.matchAll(/^## (Alarm: .*)$/gm)].map(([, heading]) => heading);
    expect(headings.sort()).toEqual(namesOf(full).map(headingOf).sort());
    for (const { AlarmDescription, AlarmName } of alarmsOf(full))
      expect(AlarmDescription).toContain(`docs/RUNBOOK.md, "${headingOf(String(AlarmName).split('-')[1]!)}"`);
  });

  test('are silent while nobody calls, but for maintenance that does not run', () => {
    const loud = alarmsOf(full).filter(({ TreatMissingData }) => TreatMissingData !== 'notBreaching');
    expect(loud.map(({ AlarmName, TreatMissingData }) => [AlarmName, TreatMissingData])).toEqual([
      ['Rivulet-MaintenanceNotRun', 'breaching'],
    ]);
  });

  test('look for maintenance over more than a day: two daily runs are now and then a little further apart', () => {
    const [{ Period, EvaluationPeriods, DatapointsToAlarm } = {}] = alarmsOf(full).filter(
      ({ AlarmName }) => AlarmName === 'Rivulet-MaintenanceNotRun',
    );
    expect(Number(Period) * Number(EvaluationPeriods)).toBeGreaterThan(25 * 3_600);
    expect(DatapointsToAlarm).toBe(EvaluationPeriods);
  });

  test('take what an audit finds as it is, also where maintenance ran twice', () => {
    const ofAudits = alarmsOf(full).filter(({ MetricName }) =>
      Object.values(maintenanceMetrics).includes(MetricName as never),
    );
    expect(ofAudits.map(({ Statistic }) => Statistic)).toEqual(['Maximum', 'Maximum']);
  });

  test('mail by a topic that CloudWatch may publish to, over TLS alone', () => {
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

  test('are on a dashboard whose name differs by region: an account has one namespace of them', () => {
    const dashboards = resourcesOf(full, 'AWS::CloudWatch::Dashboard').map(([, it]) => it.Properties.DashboardName);
    expect(dashboards).toEqual([{ 'Fn::Join': ['', ['Rivulet-', { Ref: 'AWS::Region' }]] }]);
  });

  test('are none where nobody wants to be watched over, and then there is no stack of them', () => {
    expect(Object.keys(templatesWith({ watch: 'off' }))).not.toContain('RivuletWatch');
    const dashboardAlone = templatesWith({ watch: 'off', dashboard: true }).RivuletWatch!;
    expect(alarmsOf(dashboardAlone)).toEqual([]);
  });
});
