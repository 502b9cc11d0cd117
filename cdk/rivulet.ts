// Rivulet as a construct for other people's apps. It puts data, service and alarms in one scope of one of their stacks.
//
//   const events = new Rivulet(this, 'Events', { restoreDays: 14 });
//   events.grantProduce(orderFunction, 'orders');
//   orderFunction.addEnvironment('RIVULET_URL', events.url);
//
// The package contains the bundled code of the functions, so that an app which uses it builds nothing.
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2';
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { configOf, type RivuletConfig } from './config.ts';
import { KafkaGateway } from './kafka-gateway.ts';
import type { PushAccess } from './push.ts';
import { Service } from './service.ts';
import { existingIn, Storage } from './storage.ts';
import { Watch } from './watch.ts';

export { RivuletEventSource, type RivuletEventSourceProps } from './event-source.ts';

/** The options of docs/DEPLOY.md. */
export type RivuletProps = Partial<RivuletConfig> & {
  /** The folder of the functions' code. Default: the folder in the package. */
  readonly bundles?: string;
};

export class Rivulet extends Construct {
  /** The URL of the HTTP API, which clients take as `url`. */
  readonly url: string;
  readonly api: HttpApi;
  /** The construct's own bucket and table. They are created even if `existingBucket` or `existingTable` is used instead. */
  readonly bucket: Bucket;
  readonly table: Table;
  readonly alarms: readonly Alarm[];
  /** The Kafka gateway, with `kafkaGateway`. */
  readonly kafka?: KafkaGateway;
  /** An event source needs these names of Rivulet. */
  readonly push: PushAccess;
  readonly #service: Service;

  /** Throws an Error that names option, limit and value. */
  constructor(scope: Construct, id: string, { bundles = packedBundles(), ...options }: RivuletProps = {}) {
    super(scope, id);
    const config = configOf(options);
    const storage = new Storage(this, 'Storage', config);
    const stored = { ...storage.stored, ...existingIn(this, config) };
    this.#service = new Service(this, 'Service', { config, bundles, stored });
    const watched = { ...this.#service.watched, tableName: stored.tableName };
    this.alarms = new Watch(this, 'Watch', { config, watched }).alarms;
    if (config.kafkaGateway) this.kafka = new KafkaGateway(this, 'Kafka', { config, bundles, stored });
    this.bucket = storage.bucket;
    this.table = storage.table;
    this.api = this.#service.api;
    this.url = this.#service.url;
    this.push = this.#service.push;
  }

  /** Lets the grantee write to this topic, and to no other. Throws if `topic` is not the whole name of a topic. */
  grantProduce(grantee: IGrantable, topic: string): Grant {
    return this.#service.grantProduce(grantee, topic);
  }

  /** Lets the grantee read this topic and work in this group. */
  grantConsume(grantee: IGrantable, topic: string, group: string): Grant {
    return this.#service.grantConsume(grantee, topic, group);
  }

  /** Lets the grantee begin and end transactions of this id. It writes in them what else it is granted. */
  grantTransact(grantee: IGrantable, transactionalId: string): Grant {
    return this.#service.grantTransact(grantee, transactionalId);
  }

  /** Lets `rivulet.exactlyOnce` of this group have its transactions. It needs grantConsume and grantProduce besides. */
  grantExactlyOnce(grantee: IGrantable, group: string): Grant {
    return this.#service.grantExactlyOnce(grantee, group);
  }

  /**
   * Lets the grantee make, alter and delete the topic, and delete the group and reset its offsets. It can neither read nor
   * write records.
   */
  grantOperate(grantee: IGrantable, topic: string, group: string): Grant {
    return this.#service.grantOperate(grantee, topic, group);
  }

  /**
   * Lets the grantee send the records that the subscription of topic and group gives up to the topic `deadLetterTopic`. It needs
   * grantOperate besides.
   */
  grantDeadLetters(grantee: IGrantable, topic: string, group: string, deadLetterTopic: string): Grant {
    return this.#service.grantDeadLetters(grantee, topic, group, deadLetterTopic);
  }

  /** Lets the grantee see everything in the console, the records of all topics too, and change nothing. */
  grantView(grantee: IGrantable): Grant {
    return this.#service.grantView(grantee);
  }

  /** Lets the grantee do everything that the API can do: all topics, all groups, all records. */
  grantAdmin(grantee: IGrantable): Grant {
    return this.#service.grantAdmin(grantee);
  }
}

function packedBundles(): string {
  const folder = path.join(import.meta.dirname, '../bundles');
  if (existsSync(folder)) return folder;
  throw new Error(
    `bundles: expected a folder, because the construct does not run from its package: there is no ${folder}`,
  );
}
