// The service that works on the data: the functions, the HTTP API, and the schedules with the queue of their failed runs.
// It holds no data, so it can be removed and created again at any time.
import { Duration, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import type { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { accept } from './accepted-findings.ts';
import {
  adminRoutes,
  consumerRoutes,
  deadLetterRoutes,
  exactlyOnceRoutes,
  operatorRoutes,
  producerRoutes,
  type Route,
  resourceOf,
  transactionRoutes,
  viewerRoutes,
} from './access.ts';
import type { Watched } from './alarms.ts';
import type { RivuletConfig } from './config.ts';
import { createFunctions, type Functions, type FunctionsProps } from './functions.ts';
import { createHttpApi } from './http-api.ts';
import { createPush, type PushAccess, pushAccess } from './push.ts';

export class Service extends Construct {
  readonly functions: Functions;
  readonly api: HttpApi;
  /** Holds the scheduled runs that failed twice, and pushes that failed three times. */
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, props: FunctionsProps) {
    super(scope, id);
    this.functions = createFunctions(this, props);
    this.api = createHttpApi(this, this.functions, props.config);
    this.deadLetters = createDeadLetters(this);
    scheduleMaintenance(this, this.functions, this.deadLetters, props.config);
    createPush(this, { ...props, functions: this.functions, deadLetters: this.deadLetters });
  }

  /** The URL of the API, as clients take it. */
  get url(): string {
    return this.api.apiEndpoint;
  }

  get push(): PushAccess {
    return pushAccess(this.functions);
  }

  /** The names that CloudWatch uses for the parts of the service. */
  get watched(): Omit<Watched, 'tableName'> {
    const named = Object.entries(this.functions).map(([name, { functionName }]) => [name, functionName] as const);
    return {
      apiId: this.api.apiId,
      deadLettersName: this.deadLetters.queueName,
      functionNames: Object.fromEntries(named) as Watched['functionNames'],
    };
  }

  #grant(grantee: IGrantable, routes: readonly Route[]): Grant {
    checkAccount(grantee, Stack.of(this).account);
    const resourceArns = routes.map((route) => arnOf(this.api, route));
    const grant = Grant.addToPrincipal({ grantee, actions: ['execute-api:Invoke'], resourceArns });
    if (grant.success) return grant;
    throw new Error(`grantee: expected a role, a user or a group, whose policy can be added to, got ${grantee}`);
  }

  /** Lets the grantee write to this topic, and to no other. */
  grantProduce(grantee: IGrantable, topic: string): Grant {
    return this.#grant(grantee, producerRoutes(topic));
  }

  /** Lets the grantee read this topic and work in this group. */
  grantConsume(grantee: IGrantable, topic: string, group: string): Grant {
    return this.#grant(grantee, consumerRoutes(topic, group));
  }

  /** Lets the grantee begin and end transactions of this id. It writes in them what else it is granted. */
  grantTransact(grantee: IGrantable, transactionalId: string): Grant {
    return this.#grant(grantee, transactionRoutes(transactionalId));
  }

  /** Lets `rivulet.exactlyOnce` of this group have its transactions. It needs grantConsume and grantProduce besides. */
  grantExactlyOnce(grantee: IGrantable, group: string): Grant {
    return this.#grant(grantee, exactlyOnceRoutes(group));
  }

  /**
   * Lets the grantee make, alter and delete the topic, and delete the group and reset its offsets. It can neither read nor
   * write records.
   */
  grantOperate(grantee: IGrantable, topic: string, group: string): Grant {
    return this.#grant(grantee, operatorRoutes(topic, group));
  }

  /**
   * Lets the grantee send the records that the subscription of topic and group gives up to the topic `deadLetterTopic`. It needs
   * grantOperate besides.
   */
  grantDeadLetters(grantee: IGrantable, topic: string, group: string, deadLetterTopic: string): Grant {
    return this.#grant(grantee, deadLetterRoutes(topic, group, deadLetterTopic));
  }

  /** Lets the grantee see everything in the console, the records of all topics too, and change nothing. */
  grantView(grantee: IGrantable): Grant {
    return this.#grant(grantee, viewerRoutes);
  }

  /** Lets the grantee do everything that the API can do: all topics, all groups, all records. */
  grantAdmin(grantee: IGrantable): Grant {
    return this.#grant(grantee, adminRoutes);
  }
}

/**
 * An HTTP API has no resource policy, so a policy of another account's principal would have no effect. Accounts that are not
 * known until the deployment are let through.
 */
function checkAccount({ grantPrincipal }: IGrantable, account: string): void {
  const theirs = grantPrincipal.principalAccount;
  if (theirs === undefined || theirs === account || Token.isUnresolved(theirs) || Token.isUnresolved(account)) return;
  throw new Error(
    `grantee: expected a principal of account ${account}, where the API is, got one of account ${theirs}: let it assume a role in ${account}, and grant to that role`,
  );
}

const arnOf = (api: HttpApi, route: Route): string =>
  Stack.of(api).formatArn({ service: 'execute-api', resource: api.apiId, resourceName: resourceOf(route) });

function createDeadLetters(scope: Construct): Queue {
  const queue = new Queue(scope, 'DeadLetters', {
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
    removalPolicy: RemovalPolicy.DESTROY,
  });
  accept(queue, { id: 'AwsSolutions-SQS3', reason: 'This queue is itself the dead letter queue.' });
  return queue;
}

function scheduleMaintenance(scope: Construct, functions: Functions, deadLetters: Queue, config: RivuletConfig): void {
  for (const handler of [functions.maintenance, functions.lag, functions.tend])
    handler.configureAsyncInvoke({ onFailure: new SqsDestination(deadLetters), retryAttempts: 1 });
  const run = (id: string, { schedule, description, handler }: Task): void => {
    const targets = [new LambdaTarget(handler, { retryAttempts: 2, deadLetterQueue: deadLetters })];
    new Rule(scope, id, { description, schedule, targets });
  };
  run('Daily', {
    description: 'Rivulet: the daily maintenance',
    schedule: Schedule.cron({ minute: '17', hour: String(config.maintenanceHourUtc) }),
    handler: functions.maintenance,
  });
  run('Hourly', {
    description: 'Rivulet: the hourly check of the groups, and of retention that is due',
    schedule: Schedule.cron({ minute: '47' }),
    handler: functions.lag,
  });
}

type Task = { readonly description: string; readonly schedule: Schedule; readonly handler: LambdaFunction };
