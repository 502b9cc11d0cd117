// A topic as the event source of a Lambda function: `fn.addEventSource(new RivuletEventSource(events, 'orders', ...))`.
//
// Invariant: whatever is created stands beside the function. The stack of the function depends on that of Rivulet, and never
// the other way round: a right on Rivulet's role would name the function, and tie the two stacks in a circle. So the
// function's own policy lets the dispatcher call it, and the queue's own policy lets the dispatcher send to it.
import { CustomResource, type Duration, Names, Stack } from 'aws-cdk-lib';
import { ArnPrincipal, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { CfnPermission, IEventSource, IFunction, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { IConstruct } from 'constructs';
import type { ChangeableSettings, CreateSubscription } from '../lib/api/push.ts';
import type { PushAccess } from './push.ts';

/** A `Rivulet`. */
type Events = IConstruct & { readonly push: PushAccess };

/** The options of Lambda's own event source for Kafka, as far as a topic of Rivulet has them. */
export type RivuletEventSourceProps = {
  /** Where the function begins: with the oldest record (TRIM_HORIZON), with the next one (LATEST), or AT_TIMESTAMP. */
  readonly startingPosition: StartingPosition | `${StartingPosition}`;
  /** With AT_TIMESTAMP, and only then: seconds since 1970. */
  readonly startingPositionTimestamp?: number;
  /**
   * The consumer group that has the offsets. Default: a name made of the function's path in the app. A function that moves
   * in the app begins again, unless you name the group.
   */
  readonly consumerGroupId?: string;
  /** The topic gets this many partitions if it does not exist yet, from 1 to 10,000. Default 1. A topic that exists stays as it is. */
  readonly partitions?: number;
  /** The most records of an event, from 1 to 10,000. Default 100. */
  readonly batchSize?: number;
  /** How long a delivery may wait for a full batch, up to five minutes. Default: it does not wait. */
  readonly maxBatchingWindow?: Duration;
  /** Tries after the first one, up to 10,000; -1 means without end. Default -1; 10 with `onFailure`. */
  readonly retryAttempts?: number;
  /** A record that is older is given up: from a minute to seven days. Default: never. */
  readonly maxRecordAge?: Duration;
  /** After a failure, the two halves of the batch are tried apart. Default false. */
  readonly bisectBatchOnError?: boolean;
  /** The function answers which records failed (`batchItemFailures`). Default false. */
  readonly reportBatchItemFailures?: boolean;
  /** Records that meet none of these are skipped. `FilterCriteria.filter()` of the CDK makes them. */
  readonly filters?: readonly Readonly<Record<string, unknown>>[];
  /** Where records go that were given up: a queue or a topic, by its name. A topic is made with one partition if it does not exist. */
  readonly onFailure?: string | IQueue;
  /** Is kept with the subscription, from 1 to 1,000, and has no effect in AWS: the option `pushConcurrency` caps all subscriptions. */
  readonly maxConcurrency?: number;
  /** False creates the subscription paused. Default true. */
  readonly enabled?: boolean;
};

/**
 * Pushes the records of a topic to a function. A handler for Lambda's own Kafka sources runs unchanged.
 *
 *     orderFunction.addEventSource(
 *       new RivuletEventSource(events, 'orders', { batchSize: 100, startingPosition: 'TRIM_HORIZON' }),
 *     );
 *
 * The function's timeout may be ten minutes at the most: the deployment refuses a longer one. The removal of the event
 * source removes the subscription; the topic and the group's offsets stay.
 */
export class RivuletEventSource implements IEventSource {
  readonly #events: Events;
  readonly #topic: string;
  readonly #props: RivuletEventSourceProps;

  constructor(events: Events, topic: string, props: RivuletEventSourceProps) {
    this.#events = events;
    this.#topic = topic;
    this.#props = props;
  }

  /** Called by `addEventSource`. */
  bind(target: IFunction): void {
    const { dispatcherRoleArn, subscriptionsRoleArn, subscriptionsFunctionArn } = this.#events.push;
    const { onFailure, consumerGroupId, partitions } = this.#props;
    const groupId = consumerGroupId ?? Names.uniqueResourceName(target, { maxLength: 200, separator: '-' });
    const id = `Rivulet:${this.#topic}:${groupId}`;
    const policies = [
      allow(target, `${id}:Invoke`, 'lambda:InvokeFunction', dispatcherRoleArn),
      allow(target, `${id}:Look`, 'lambda:GetFunctionConfiguration', subscriptionsRoleArn),
    ];
    const subscription = new CustomResource(target, id, {
      resourceType: 'Custom::RivuletSubscription',
      serviceToken: subscriptionsFunctionArn,
      properties: {
        // CloudFormation makes texts of numbers and flags, but not inside a text.
        Subscription: Stack.of(target).toJsonString(this.#subscription(target, groupId)),
        Partitions: String(partitions ?? 1),
      },
    });
    // The creation looks at the function, and soon after it the dispatcher invokes the function.
    subscription.node.addDependency(this.#events, ...policies);
    if (typeof onFailure === 'object') letSend(onFailure, dispatcherRoleArn, subscriptionsRoleArn);
  }

  #subscription(target: IFunction, groupId: string): CreateSubscription {
    const { startingPosition, startingPositionTimestamp, enabled } = this.#props;
    return {
      ...{ topic: this.#topic, groupId, startingPosition, ...settingsOf(this.#props) },
      target: { function: target.functionArn },
      ...given({
        enabled,
        startingPositionTimestampMs: startingPositionTimestamp && startingPositionTimestamp * 1_000,
      }),
    };
  }
}

function settingsOf(props: RivuletEventSourceProps): Partial<ChangeableSettings> {
  const { filters, onFailure } = props;
  return given({
    batchSize: props.batchSize,
    maximumBatchingWindowSeconds: props.maxBatchingWindow?.toSeconds(),
    maximumRetryAttempts: props.retryAttempts,
    maximumRecordAgeSeconds: props.maxRecordAge?.toSeconds(),
    bisectBatchOnFunctionError: props.bisectBatchOnError,
    reportBatchItemFailures: props.reportBatchItemFailures,
    filterCriteria: filters && { filters: filters.map(patternOf) },
    onFailure: onFailure === undefined ? undefined : destinationOf(onFailure),
    maximumConcurrency: props.maxConcurrency,
  });
}

/** `FilterCriteria.filter()` has put the pattern into a text already. */
const patternOf = (filter: Readonly<Record<string, unknown>>) => ({
  pattern: typeof filter.pattern === 'string' ? filter.pattern : JSON.stringify(filter),
});

const destinationOf = (to: string | IQueue) => (typeof to === 'string' ? { topic: to } : { queue: to.queueArn });

const given = <T extends object>(values: T) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };

/** @returns the permission, on which the subscription depends. */
function allow(target: IFunction, id: string, action: string, roleArn: string): CfnPermission {
  target.addPermission(id, { action, principal: new ArnPrincipal(roleArn) });
  const permission = target.permissionsNode.tryFindChild(id);
  if (permission) return permission as CfnPermission;
  throw new Error(
    `the function ${target.node.path}: expected one whose policy can be added to: let the option pushTargets name it, and make the subscription by the command line`,
  );
}

/** A queue that was imported keeps its policy: its owner must let the two roles use it. */
function letSend(queue: IQueue, dispatcherRoleArn: string, subscriptionsRoleArn: string): void {
  const statement = (action: string, roleArn: string) =>
    new PolicyStatement({ actions: [action], principals: [new ArnPrincipal(roleArn)], resources: [queue.queueArn] });
  queue.addToResourcePolicy(statement('sqs:SendMessage', dispatcherRoleArn));
  queue.addToResourcePolicy(statement('sqs:GetQueueAttributes', subscriptionsRoleArn));
}
