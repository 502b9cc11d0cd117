// Everything that delivery adds to the engine, put together: the targets, the filters and the queues of this service.
//
// Invariant: what `check` takes, `open` can deliver to. A service without functions or queues refuses their ARNs.
import { limits } from '../../api/limits.ts';
import type { PushTargets, TargetSettings } from '../../api/push.ts';
import { unexpected } from '../../api/refusal.ts';
import type { Clock } from '../../runtime/clock.ts';
import { bytesOf } from './event.ts';
import { compileFilter } from './filter/filter.ts';
import { createFunctionTarget, type Functions } from './function-target.ts';
import { messageOf, type Queues } from './letter-message.ts';
import { allowedAddresses, notThisMachine, parseUrl, type WebhookNetwork } from './webhook/url.ts';
import { createWebhook } from './webhook/webhook.ts';

export type TargetOptions = {
  readonly network: WebhookNetwork;
  /** Where a client of Kafka's protocol would connect: `host:port`, several with commas. Handlers find it in the event. */
  readonly bootstrapServers: string;
  readonly clock: Pick<Clock, 'now'>;
  /** The time for a webhook to answer. Default: limits.webhookMs. */
  readonly webhookMs?: number;
  /** A service on one machine has no functions and no queues. */
  readonly functions?: Functions;
  readonly queues?: Queues;
};

export function createTargets(options: TargetOptions): PushTargets {
  const { network, bootstrapServers, clock, functions, queues, webhookMs = limits.webhookMs } = options;
  return {
    bytesOf,
    filter: (criteria) => compileFilter(criteria),
    async check(settings) {
      if (settings.filterCriteria) compileFilter(settings.filterCriteria);
      await checkTarget(settings, options);
      await checkDestination(settings, options);
    },
    open({ target, reportBatchItemFailures }, secrets) {
      const common = { bootstrapServers, reportBatchItemFailures };
      if ('url' in target)
        return createWebhook({ url: target.url, secrets, network, clock, answerMs: webhookMs, ...common });
      if (!functions) throw noFunctions(target.function);
      return createFunctionTarget({ arn: target.function, functions, ...common });
    },
    async sendToQueue(queue, letters) {
      if (!queues) throw noQueues(queue);
      await queues.send(queue, letters.map(messageOf));
    },
  };
}

async function checkTarget({ target }: TargetSettings, { functions, network }: TargetOptions): Promise<void> {
  if (target === undefined) return;
  if ('url' in target) return checkUrl(target.url, network);
  if (!functions) throw noFunctions(target.function);
  await functions.check(target.function);
}

/** A name that has no address now may have one at the first delivery. The names of this machine have one. */
async function checkUrl(text: string, network: WebhookNetwork): Promise<void> {
  const url = parseUrl(text, network);
  await allowedAddresses(url, network).catch((error: unknown) => {
    if (!isUnknownName(error)) throw error;
    if (url.protocol === 'http:') throw notThisMachine(url);
  });
}

const isUnknownName = (error: unknown): boolean =>
  /^(ENOTFOUND|EAI_AGAIN|ENODATA)$/.test(String((error as NodeJS.ErrnoException).code));

async function checkDestination({ onFailure }: TargetSettings, { queues }: TargetOptions): Promise<void> {
  if (!onFailure || 'topic' in onFailure) return;
  if (!queues) throw noQueues(onFailure.queue);
  await queues.check(onFailure.queue);
}

const noFunctions = (arn: string) =>
  unexpected('target.function', 'a target.url, because this service delivers to webhooks only', arn);

const noQueues = (arn: string) =>
  unexpected('onFailure.queue', 'an onFailure.topic, because this service has no access to queues', arn);
