// The storage that must outlive every deployment: the bucket of the segments and the table of the heads. In the app they
// have a stack of their own, so that no change of the functions can touch it.
//
// The bucket keeps deleted objects for as many days as the table can be taken back: it keeps old versions that long. A
// table restored to last Tuesday then finds every object that its heads name. Objects are written once and never changed,
// so versioning costs nothing until something is deleted.
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { AttributeType, BillingMode, StreamViewType, Table } from 'aws-cdk-lib/aws-dynamodb';
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { accept } from './accepted-findings.ts';
import type { RivuletConfig } from './config.ts';

/** The names of a bucket and a table for the code that uses them, from whatever stack they come. */
export type Stored = {
  readonly bucketName: string;
  readonly bucketArn: string;
  readonly tableName: string;
  readonly tableArn: string;
  readonly tableStreamArn: string;
};

/** The bucket or table of another deployment that the configuration names. It is used as it is, and never changed. */
export function existingIn(
  scope: Construct,
  { existingBucket, existingTable, existingTableStream }: RivuletConfig,
): Partial<Stored> {
  const stack = Stack.of(scope);
  return {
    ...(existingBucket && {
      bucketName: existingBucket,
      bucketArn: stack.formatArn({ service: 's3', region: '', account: '', resource: existingBucket }),
    }),
    ...(existingTable && {
      tableName: existingTable,
      tableArn: stack.formatArn({ service: 'dynamodb', resource: 'table', resourceName: existingTable }),
      tableStreamArn: existingTableStream,
    }),
  };
}

type StorageConfig = Pick<RivuletConfig, 'throwAway' | 'restoreDays'>;

export class Storage extends Construct {
  readonly bucket: Bucket;
  readonly table: Table;

  constructor(scope: Construct, id: string, config: StorageConfig) {
    super(scope, id);
    this.bucket = segments(this, config);
    this.table = index(this, config);
  }

  get stored(): Stored {
    const { bucketName, bucketArn } = this.bucket;
    const { tableName, tableArn } = this.table;
    return { bucketName, bucketArn, tableName, tableArn, tableStreamArn: this.table.tableStreamArn! };
  }
}

const removalPolicy = ({ throwAway }: StorageConfig) => (throwAway ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN);

function segments(scope: Construct, config: StorageConfig): Bucket {
  const bucket = new Bucket(scope, 'Segments', {
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    encryption: BucketEncryption.S3_MANAGED,
    enforceSSL: true,
    versioned: true,
    lifecycleRules: [
      {
        id: 'deleted-objects',
        noncurrentVersionExpiration: Duration.days(config.restoreDays),
        expiredObjectDeleteMarker: true,
        abortIncompleteMultipartUploadAfter: Duration.days(1),
      },
    ],
    autoDeleteObjects: config.throwAway,
    removalPolicy: removalPolicy(config),
  });
  accept(bucket, {
    id: 'AwsSolutions-S1',
    reason:
      'Access logs would be one more object for each object. Only the functions reach the bucket, and the access log of ' +
      'the API has every request; CloudTrail data events can be turned on beside.',
  });
  return bucket;
}

/** A table of one region. A table that replicates across regions (TableV2) would promise an order that it cannot keep. */
function index(scope: Construct, config: StorageConfig): Table {
  return new Table(scope, 'Index', {
    partitionKey: { name: 'pk', type: AttributeType.STRING },
    sortKey: { name: 'sk', type: AttributeType.STRING },
    timeToLiveAttribute: 'ttl',
    // The router of pushes reads it. It costs nothing by itself, so it is always on (docs/adr/0039).
    stream: StreamViewType.NEW_IMAGE,
    billingMode: BillingMode.PAY_PER_REQUEST,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true, recoveryPeriodInDays: config.restoreDays },
    deletionProtection: !config.throwAway,
    removalPolicy: removalPolicy(config),
  });
}
