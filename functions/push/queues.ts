// SQS queues as destinations of records that were given up.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
import { RivuletError } from '../../lib/api/errors.ts';
import { unexpected } from '../../lib/api/refusal.ts';
import { type Arn, checkPatterns, parseQueueArn } from '../../lib/push/delivery/arns.ts';
import type { Queues } from '../../lib/push/delivery/letter-message.ts';
import { endpointOf } from '../../lib/storage/aws/endpoint.ts';
import { type AwsReply, awsRequest } from '../aws-request.ts';

const FIELD = 'onFailure.queue';
const messagesAtOnce = 10;
const giveUpMs = 10_000;

/** @param patterns The ARNs that the operator allows. `*` stands for any text. */
export function createQueues(patterns: readonly string[]): Queues {
  return {
    async check(arn) {
      const queue = parseQueueArn(arn);
      checkPatterns(arn, patterns, FIELD);
      const QueueUrl = urlOf(queue);
      const reply = await call(queue, 'GetQueueAttributes', { QueueUrl, AttributeNames: ['QueueArn'] });
      if (reply.status === 429 || reply.status >= 500) throw refusedBy(arn, `${reply.status}`);
      if (reply.status !== 200)
        throw unexpected(
          FIELD,
          'a queue that exists, and that the option pushTargets or a RivuletEventSource allows',
          arn,
        );
    },
    async send(arn, messages) {
      for (let at = 0; at < messages.length; at += messagesAtOnce)
        await sendBatch(arn, messages.slice(at, at + messagesAtOnce));
    },
  };
}

async function sendBatch(arn: string, messages: readonly string[]): Promise<void> {
  const queue = parseQueueArn(arn);
  const Entries = messages.map((MessageBody, at) => ({ Id: String(at), MessageBody }));
  const reply = await call(queue, 'SendMessageBatch', { QueueUrl: urlOf(queue), Entries });
  if (reply.status !== 200) throw refusedBy(arn, `${reply.status}`);
  // A batch may be taken in part.
  const { Failed: failed = [] } = JSON.parse(reply.body) as { Failed?: readonly { Code?: string }[] };
  if (failed.length > 0) throw refusedBy(arn, `${failed[0]?.Code} for ${failed.length} of ${messages.length}`);
}

const urlOf = ({ region, account, name }: Arn): string => `${endpointOf('sqs', region)}/${account}/${name}`;

const call = ({ region }: Arn, action: string, request: object): Promise<AwsReply> =>
  awsRequest({
    ...{ service: 'sqs', region, method: 'POST', path: '/', body: JSON.stringify(request) },
    headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `AmazonSQS.${action}` },
    signal: AbortSignal.timeout(giveUpMs),
  });

const refusedBy = (arn: string, why: string) =>
  new RivuletError('STORAGE_UNAVAILABLE', `the queue ${arn} did not take the dead letters: ${why}`, {
    outcome: 'unknown',
  });
