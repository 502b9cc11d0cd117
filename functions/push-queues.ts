// SQS queues as destinations of records that were given up.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
import { RivuletError } from '../lib/api/errors.ts';
import { checkPatterns, parseQueueArn } from '../lib/push/delivery/arns.ts';
import type { Queues } from '../lib/push/delivery/letter-message.ts';
import { awsRequest } from './aws-request.ts';

const messagesAtOnce = 10;
const giveUpMs = 10_000;

/** @param patterns The ARNs that the operator allows. `*` stands for any text. */
export function createQueues(patterns: readonly string[]): Queues {
  return {
    async check(arn) {
      parseQueueArn(arn);
      checkPatterns(arn, patterns, 'onFailure.queue');
    },
    async send(arn, messages) {
      for (let at = 0; at < messages.length; at += messagesAtOnce)
        await sendBatch(arn, messages.slice(at, at + messagesAtOnce));
    },
  };
}

async function sendBatch(arn: string, messages: readonly string[]): Promise<void> {
  const { region, account, name } = parseQueueArn(arn);
  const Entries = messages.map((MessageBody, at) => ({ Id: String(at), MessageBody }));
  const reply = await awsRequest({
    ...{ service: 'sqs', region, method: 'POST', path: '/' },
    headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': 'AmazonSQS.SendMessageBatch' },
    body: JSON.stringify({ QueueUrl: `https://sqs.${region}.amazonaws.com/${account}/${name}`, Entries }),
    signal: AbortSignal.timeout(giveUpMs),
  });
  if (reply.status !== 200) throw refusedBy(arn, `${reply.status}`);
  // A batch may be taken in part.
  const { Failed: failed = [] } = JSON.parse(reply.body) as { Failed?: readonly { Code?: string }[] };
  if (failed.length > 0) throw refusedBy(arn, `${failed[0]?.Code} for ${failed.length} of ${messages.length}`);
}

const refusedBy = (arn: string, why: string) =>
  new RivuletError('STORAGE_UNAVAILABLE', `the queue ${arn} did not take the dead letters: ${why}`, {
    outcome: 'unknown',
  });
