// A new invocation of the dispatcher. Its id is never used again, because a run takes over from another of the same id.
import type { PushInvocation } from '../../api/push.ts';
import { randomName } from '../../group/context.ts';
import type { PushContext } from '../context.ts';
import type { Subscription } from './subscription.ts';

export function newInvocation(
  { clock }: Pick<PushContext, 'clock'>,
  { topic, topicId, groupId }: Pick<Subscription, 'topic' | 'topicId' | 'groupId'>,
  partition: number,
): PushInvocation {
  return { id: randomName(clock), topic, topicId, groupId, partition };
}
