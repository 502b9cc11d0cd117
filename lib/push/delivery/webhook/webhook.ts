// A webhook as the target of deliveries: one signed POST for each event.
//
//   2xx        the answer says which records are done
//   429, 503   the webhook has no room: it is asked again after Retry-After, and this is no attempt
//   410        nobody wants the records any more
//   others, also redirects, time-outs and replies above 64 KiB: the attempt failed
//
// Invariant: the target never rejects, and what it reports holds no byte of a failed reply.
import { RivuletError } from '../../../api/errors.ts';
import { limits } from '../../../api/limits.ts';
import type { Delivery, PushBatch, PushTarget, SigningSecret } from '../../../api/push.ts';
import type { Clock } from '../../../runtime/clock.ts';
import { answerOf } from '../answer.ts';
import { deadlineOf } from '../deadline.ts';
import { eventBody } from '../event.ts';
import { type PostReply, post } from './post.ts';
import { SIGNATURE_HEADER, signatureOf } from './signature.ts';
import { allowedAddresses, parseUrl, type WebhookNetwork } from './url.ts';

export type WebhookOptions = {
  readonly url: string;
  readonly secrets: readonly SigningSecret[];
  readonly network: WebhookNetwork;
  readonly bootstrapServers: string;
  /** Without it, every 2xx means that the whole batch is done, whatever the reply says. */
  readonly reportBatchItemFailures: boolean;
  readonly clock: Pick<Clock, 'now'>;
  /** The time for the webhook to answer. */
  readonly answerMs: number;
};

export function createWebhook(options: WebhookOptions): PushTarget {
  return {
    async deliver(batch, { deadlineMs, signal }) {
      const { timeout, ended } = deadlineOf(deadlineMs, options.answerMs, signal);
      try {
        return deliveryOf(await sendBatch(options, batch, ended), options, batch);
      } catch (error) {
        return { kind: 'failed', error: sentenceOf(error, timeout) };
      }
    },
  };
}

async function sendBatch(options: WebhookOptions, batch: PushBatch, signal: AbortSignal): Promise<PostReply> {
  const { network, secrets, clock } = options;
  const url = parseUrl(options.url, network);
  const body = eventBody(batch, options.bootstrapServers);
  const addresses = await until(signal, allowedAddresses(url, network));
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json',
    'accept-encoding': 'identity',
    'user-agent': 'rivulet',
    [SIGNATURE_HEADER]: signatureOf(body, secrets, clock.now()),
  };
  return post({ url, addresses, headers, body, mostReplyBytes: limits.webhookReplyBytes, signal });
}

/** The system's resolver cannot be interrupted, so that its answer may come too late. */
async function until<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const end = () => reject(signal.reason);
  if (signal.aborted) end();
  signal.addEventListener('abort', end, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', end);
  }
}

function deliveryOf(reply: PostReply, options: WebhookOptions, batch: PushBatch): Delivery {
  const { status, body } = reply;
  if (status === 410) return { kind: 'gone' };
  if (status === 429 || status === 503) return throttled(reply, options.clock.now());
  if (status >= 300 && status <= 399)
    return { kind: 'failed', error: `the webhook answered ${status}: a redirect is not followed` };
  if (status < 200 || status > 299) return { kind: 'failed', error: `the webhook answered ${status}` };
  return { kind: 'answered', answer: options.reportBatchItemFailures ? answerOf(body, batch) : { kind: 'success' } };
}

function throttled({ headers }: PostReply, nowMs: number): Delivery {
  const after = headers['retry-after'] ?? '';
  const ms = /^\d{1,9}$/.test(after) ? Number(after) * 1000 : Date.parse(after) - nowMs;
  if (Number.isNaN(ms)) return { kind: 'throttled' };
  return { kind: 'throttled', retryAfterMs: Math.min(Math.max(ms, 0), limits.maxRetryAfterMs) };
}

function sentenceOf(error: unknown, timeout: AbortSignal): string {
  if (timeout.aborted) return 'the webhook did not answer in time';
  if (error instanceof RivuletError) return error.message;
  const { message, code } = error as NodeJS.ErrnoException;
  return `the webhook could not be reached: ${message || code}`;
}
