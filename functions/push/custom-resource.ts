// A subscription as a resource of CloudFormation: the handler behind `RivuletEventSource`.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
//
// Invariant: the deletion of a resource deletes only a subscription that the resource made. CloudFormation also deletes a
// resource whose creation failed, and that may have failed because the group has a subscription of somebody else.
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { RivuletError } from '../../lib/api/errors.ts';
import type {
  CreateSubscription,
  SubscriptionRef,
  SubscriptionState,
  Subscriptions,
  UpdateSubscription,
} from '../../lib/api/push.ts';
import { settingsOf } from '../../lib/push/lifecycle/settings.ts';

export type ResourceEvent = {
  readonly RequestType: 'Create' | 'Update' | 'Delete';
  readonly ResponseURL: string;
  readonly StackId: string;
  readonly RequestId: string;
  readonly LogicalResourceId: string;
  readonly PhysicalResourceId?: string;
  readonly ResourceProperties: { readonly Subscription: string; readonly Partitions: string };
};

export type ResourceEngine = {
  readonly subscriptions: Pick<Subscriptions, 'create' | 'get' | 'update' | 'delete'>;
  readonly createTopic: (request: { readonly topic: string; readonly partitions: number }) => Promise<unknown>;
};

type Answer = { readonly id: string; readonly failure?: string };

/** The name of a resource that made nothing. Names of topics and groups have no slash. */
const nothing = 'nothing';

/** Rejects only if CloudFormation could not be told: Lambda then invokes the function again. */
export function createResourceHandler(engine: ResourceEngine, tell: typeof put = put) {
  return async (event: ResourceEvent): Promise<void> => {
    const { StackId, RequestId, LogicalResourceId } = event;
    const { id, failure } = await answerTo(engine, event);
    const status =
      failure === undefined ? { Status: 'SUCCESS' } : { Status: 'FAILED', Reason: failure.slice(0, 1_000) };
    await tell(event.ResponseURL, { ...status, PhysicalResourceId: id, StackId, RequestId, LogicalResourceId });
  };
}

async function answerTo(engine: ResourceEngine, event: ResourceEvent): Promise<Answer> {
  const old = event.PhysicalResourceId ?? nothing;
  try {
    if (event.RequestType === 'Delete') return await remove(engine, old);
    const wanted = JSON.parse(event.ResourceProperties.Subscription) as CreateSubscription;
    await createTopics(engine, wanted, Number(event.ResourceProperties.Partitions));
    return await (old === idOf(wanted) ? change(engine, wanted) : create(engine, wanted, old));
  } catch (error) {
    return { id: old, failure: reasonOf(error) };
  }
}

const idOf = ({ topic, groupId }: SubscriptionRef): string => `${topic}/${groupId}`;

/** A rollback deletes a subscription that was left half-made, by its name. It leaves one that was there before. */
async function create(engine: ResourceEngine, wanted: CreateSubscription, old: string): Promise<Answer> {
  const state = await find(engine, wanted);
  const wasThere = state !== undefined && state !== 'Creating';
  try {
    await engine.subscriptions.create(wanted);
    return { id: idOf(wanted) };
  } catch (error) {
    return { id: wasThere ? old : idOf(wanted), failure: reasonOf(error) };
  }
}

/** Those that are missing. An update may name another topic for dead letters, and the topic of before may be gone. */
async function createTopics(
  engine: ResourceEngine,
  { topic, onFailure }: CreateSubscription,
  partitions: number,
): Promise<void> {
  await createTopic(engine, topic, partitions);
  if (onFailure && 'topic' in onFailure) await createTopic(engine, onFailure.topic, 1);
}

async function createTopic({ createTopic }: ResourceEngine, topic: string, partitions: number): Promise<void> {
  await createTopic({ topic, partitions }).catch((error) => ignore(error, 'TOPIC_ALREADY_EXISTS'));
}

async function find({ subscriptions }: ResourceEngine, ref: SubscriptionRef): Promise<SubscriptionState | undefined> {
  try {
    return (await subscriptions.get(ref)).state;
  } catch (error) {
    ignore(error, 'SUBSCRIPTION_NOT_FOUND');
    return undefined;
  }
}

/** A topic that was made again has lost its subscriptions, so that the next deployment with a change creates them. */
async function change(engine: ResourceEngine, wanted: CreateSubscription): Promise<Answer> {
  const state = await find(engine, wanted);
  if (state === undefined || state === 'TopicDeleted') await engine.subscriptions.create(wanted);
  else await engine.subscriptions.update(updateOf(wanted));
  return { id: idOf(wanted) };
}

/** A setting that the app no longer has goes back to its default. Where a subscription starts was decided when it was created. */
function updateOf(wanted: CreateSubscription): UpdateSubscription {
  const { startingPosition: _, startingPositionTimestampMs: __, ...settings } = settingsOf(wanted);
  const { topic, groupId, enabled } = wanted;
  return {
    ...{ topic, groupId, filterCriteria: null, onFailure: null, maximumConcurrency: null },
    ...settings,
    ...(enabled !== undefined && { enabled }),
  };
}

async function remove({ subscriptions }: ResourceEngine, id: string): Promise<Answer> {
  const [topic, groupId] = id.split('/');
  if (topic === undefined || groupId === undefined) return { id };
  await subscriptions
    .delete({ topic, groupId })
    .catch((error) => ignore(error, 'SUBSCRIPTION_NOT_FOUND', 'UNKNOWN_TOPIC_OR_PARTITION'));
  return { id };
}

function ignore(error: unknown, ...codes: readonly string[]): void {
  if (!(error instanceof RivuletError && codes.includes(error.errorCode))) throw error;
}

const reasonOf = (error: unknown): string =>
  error instanceof RivuletError
    ? `${error.errorCode}: ${error.message}`
    : `the subscription could not be made: ${error}`;

/** The URL is signed for exactly this request: a PUT without a content type. */
function put(url: string, answer: object): Promise<void> {
  const body = JSON.stringify(answer);
  const headers = { 'content-type': '', 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const start = new URL(url).protocol === 'https:' ? httpsRequest : httpRequest;
    start(url, { method: 'PUT', headers, signal: AbortSignal.timeout(10_000) }, (reply) => {
      reply.resume();
      if (reply.statusCode === 200) resolve();
      else reject(new Error(`CloudFormation's bucket answered ${reply.statusCode}`));
    })
      .on('error', reject)
      .end(body);
  });
}
