// The topic for dead letters.
import type { TargetSettings } from '../../api/push.ts';
import { invalid } from '../../api/refusal.ts';
import { readTopicAgain } from '../../topic/current.ts';
import { isTopicGone, type PushContext } from '../context.ts';

/** The topic must be there, and its own records must not come back to it. */
export async function checkDestination(
  { topics }: PushContext,
  topic: string,
  onFailure: TargetSettings['onFailure'],
): Promise<void> {
  if (!onFailure || !('topic' in onFailure)) return;
  if (onFailure.topic === topic)
    throw invalid(`onFailure.topic: expected another topic than ${topic}, whose records it would repeat`);
  try {
    await readTopicAgain(topics, { topic: onFailure.topic });
  } catch (error) {
    if (isTopicGone(error)) throw invalid(`onFailure.topic: expected a topic that exists, got ${onFailure.topic}`);
    throw error;
  }
}
