// The ARNs of functions and queues in a subscription's settings, and the patterns by which an operator allows them.
//
// Invariant: a name from outside is looked at here before it becomes part of a request to AWS.
import { invalid, unexpected } from '../../api/refusal.ts';

export type Arn = {
  readonly partition: string;
  readonly region: string;
  readonly account: string;
  readonly name: string;
};

const FUNCTION =
  /^arn:(aws[a-z-]{0,20}):lambda:([a-z0-9-]{1,30}):(\d{12}):function:([A-Za-z0-9_-]{1,64}(?::[A-Za-z0-9_$-]{1,128})?)$/;
const QUEUE = /^arn:(aws[a-z-]{0,20}):sqs:([a-z0-9-]{1,30}):(\d{12}):([A-Za-z0-9_-]{1,80})$/;

/** Its name has the version or the alias behind a colon. Throws INVALID_REQUEST. */
export const parseFunctionArn = (text: string, field = 'target.function'): Arn =>
  parsed(FUNCTION, text, field, 'the ARN of a Lambda function');

/** Throws INVALID_REQUEST, also for a FIFO queue: a record could not be told from its repeat there. */
export const parseQueueArn = (text: string, field = 'onFailure.queue'): Arn =>
  parsed(QUEUE, text, field, 'the ARN of a standard SQS queue');

function parsed(form: RegExp, text: string, field: string, wanted: string): Arn {
  const [, partition = '', region = '', account = '', name = ''] = form.exec(text) ?? [];
  if (name === '') throw unexpected(field, wanted, text);
  return { partition, region, account, name };
}

/** A pattern is an ARN in which each `*` stands for any text. Throws INVALID_REQUEST if no pattern fits. */
export function checkPatterns(arn: string, patterns: readonly string[], field: string): void {
  if (patterns.some((pattern) => fits(arn, pattern.split('*')))) return;
  // The whole ARN is shown, because it is what goes into the option.
  throw invalid(
    `${field}: expected an ARN that the option pushTargets names, got ${arn}: add it to pushTargets, or use a RivuletEventSource`,
  );
}

/** The pieces must follow each other. The earliest place of each is the best one. */
function fits(text: string, [first = '', ...rest]: readonly string[]): boolean {
  const last = rest.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const piece of rest) {
    at = text.indexOf(piece, at);
    if (at < 0) return false;
    at += piece.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}
