// Sends one event with one sample record to the target of a subscription. Nothing is read from the log, and nothing committed.
import type { Delivery, PushRecord, SubscriptionRef } from '../../api/push.ts';
import type { PushContext } from '../context.ts';
import { validSecrets } from '../items/secrets.ts';
import { found } from './describe.ts';

/** The caller waits: API Gateway cuts a request at 30 s. */
const deadlineMs = 20_000;

export async function testInvoke(context: PushContext, ref: SubscriptionRef): Promise<Delivery> {
  const { settings, secrets, groupId, topic } = await found(context, ref);
  const { targets, clock } = context;
  const target = targets.open(settings, validSecrets(secrets, clock.now()));
  return target.deliver({ groupId, topic, partition: 0, records: [sampleAt(clock.now())] }, { deadlineMs });
}

/** The header tells it from the record that has this place in the log: handlers remember places. */
const sampleAt = (timestampMs: number): PushRecord => ({
  ...{ offset: 0, timestampMs, timestampType: 'CREATE_TIME' },
  key: Buffer.from('sample'),
  value: Buffer.from('{"message":"a sample record of Rivulet"}'),
  headers: [{ key: 'rivulet.push.sample', value: Buffer.from('true') }],
});
