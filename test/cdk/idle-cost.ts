// The cost of a deployment in a month without calls and without stored data, from its templates and list prices. A type of
// resource without a price here is an error, because otherwise the sum could overlook a new resource.
import type { Template } from 'aws-cdk-lib/assertions';
import { functionNames } from '../../functions/routes.ts';
import { createEngine } from '../../lib/engine.ts';
import { tendGroups } from '../../lib/maintenance/groups.ts';
import { newReport } from '../../lib/maintenance/report.ts';
import { sweepAll } from '../../lib/maintenance/sweep-all.ts';
import { lookAround } from '../../lib/maintenance/upkeep.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { countingObjectStore, countingTable, newCounters, usdOf } from '../../lib/storage/count.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import { price } from './prices.ts';

/** The time of one run over nothing: a cold start and an empty index, well rounded up. */
const maintenanceSeconds = 3;
/** The log lines of the daily run. The hourly run logs nothing while no group is behind. */
const maintenanceLogBytes = 2_000;
const daysInMonth = 31;
/** The two scheduled functions are found in the templates by their descriptions. */
const descriptions = { maintenance: /finds what is due/, lag: /reports lag/ };

/** These cost nothing by their existence: their use is billed, or nothing is. */
const free = [
  'AWS::S3::Bucket',
  'AWS::S3::BucketPolicy',
  'AWS::DynamoDB::Table',
  'AWS::Lambda::Permission',
  // Lambda reads a stream of DynamoDB for nothing, and looks for new records for nothing.
  'AWS::Lambda::EventSourceMapping',
  'AWS::Scheduler::ScheduleGroup',
  'AWS::Lambda::EventInvokeConfig',
  'AWS::IAM::Role',
  'AWS::IAM::Policy',
  'AWS::Logs::LogGroup',
  'AWS::ApiGatewayV2::Api',
  'AWS::ApiGatewayV2::Stage',
  'AWS::ApiGatewayV2::Route',
  'AWS::ApiGatewayV2::Integration',
  'AWS::SQS::Queue',
  'AWS::SQS::QueuePolicy',
  'AWS::SNS::Topic',
  'AWS::SNS::TopicPolicy',
  'AWS::SNS::Subscription',
];

export type Line = { readonly type: string; readonly count: number; readonly usdPerMonth: number };

/** `codeBytes` is the size of all bundles. The bucket of the CDK keeps a copy of them. */
export async function idleCost(templates: readonly Template[], codeBytes: number): Promise<Line[]> {
  const counts = new Map<string, number>();
  for (const template of templates)
    for (const { Type } of Object.values<{ Type: string }>(template.toJSON().Resources))
      counts.set(Type, (counts.get(Type) ?? 0) + 1);
  const maintenance = (await dailyUsd(templates)) + (await hourlyUsd(templates));
  const code = (codeBytes / 1e9) * price.storageGbMonth;
  return [...counts]
    .sort()
    .map(([type, count]) => ({ type, count, usdPerMonth: usdOfType(type, count, maintenance, code) }));
}

function usdOfType(type: string, count: number, maintenance: number, code: number): number {
  if (free.includes(type)) return 0;
  if (type === 'AWS::CloudWatch::Alarm') return count * price.alarmMonth;
  if (type === 'AWS::CloudWatch::Dashboard') return count * price.dashboardMonth;
  if (type === 'AWS::Events::Rule') return maintenance;
  if (type === 'AWS::Lambda::Function') return (code * count) / functionNames.length;
  throw new Error(`${type}: this test has no price for this type of resource`);
}

/** A month of daily runs: the function, its log, and the calls that a look and a sweep over nothing make. */
async function dailyUsd(templates: readonly Template[]): Promise<number> {
  const { totals, tools } = nothing();
  await lookAround(tools, notSent);
  await sweepAll(tools, false, newReport());
  const running = runUsd(templates, descriptions.maintenance);
  return daysInMonth * (running + usdOf(totals) + (maintenanceLogBytes / 1e9) * price.logGb);
}

/** A month of hourly runs without any group. */
async function hourlyUsd(templates: readonly Template[]): Promise<number> {
  const { totals, tools } = nothing();
  await tendGroups(createEngine(tools).groups);
  await lookAround(tools, notSent, true);
  return daysInMonth * 24 * (runUsd(templates, descriptions.lag) + usdOf(totals));
}

const notSent = () => Promise.reject(new Error('nothing is due where nothing is'));

/** An empty store that was maintained before. */
function nothing() {
  const totals = newCounters();
  const clock = systemClock;
  const objects = countingObjectStore(createMemoryObjectStore({ clock }), totals);
  const table = countingTable(createMemoryTable(), totals);
  return { totals, tools: { objects, table, clock, isOver: () => false, mergeDelayMs: 0, tableName: 'table' } };
}

function runUsd(templates: readonly Template[], description: RegExp): number {
  const functions = templates.flatMap((it) => Object.values(it.findResources('AWS::Lambda::Function')));
  const found = functions.find(({ Properties }) => description.test(Properties.Description));
  if (!found) throw new Error(`no template has a function whose description has ${description}`);
  return price.lambdaRequest + (found.Properties.MemorySize / 1024) * maintenanceSeconds * price.lambdaGbSecond;
}
