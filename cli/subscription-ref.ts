// Which subscription a command means. A group has at most one, so that its topic need not be named.
import { type Command, Option } from 'commander';
import type { Admin } from '../client/admin/admin.ts';
import { RivuletError } from '../lib/api/errors.ts';
import type { SubscriptionRef } from '../lib/api/push.ts';
import { groupOf } from './options.ts';

export const topicOption = (): Option =>
  new Option('--topic <topic>', "the topic; default: that of the group's subscription");

/** Throws SUBSCRIPTION_NOT_FOUND. */
export async function refOf(command: Command, admin: Admin, positional: string | undefined): Promise<SubscriptionRef> {
  const groupId = groupOf(command, positional);
  const { topic } = command.opts<{ topic?: string }>();
  if (topic !== undefined) return { topic, groupId };
  const found = (await admin.listSubscriptions()).find((one) => one.groupId === groupId);
  if (found === undefined) throw new RivuletError('SUBSCRIPTION_NOT_FOUND', `the group ${groupId} has no subscription`);
  return { topic: found.topic, groupId };
}
