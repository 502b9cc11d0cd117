import { afterEach, expect, test } from 'vitest';
import { Rivulet } from '../../../client/rivulet.ts';
import { type Reply, type ScriptedServer, scriptedServer } from '../scripted-server.ts';

let server: ScriptedServer;
afterEach(() => server.close());

const ref = { topic: 'orders', groupId: 'billing' };

/** The service answers so, one reply after the other. The last one stays. */
async function adminOf(...replies: readonly Reply[]) {
  const left = [...replies];
  server = await scriptedServer(() => (left.length > 1 ? left.shift() : left[0]));
  return new Rivulet({ url: server.url, retry: { baseMs: 5 } }).admin();
}

const retried = (delivered: number, skipped: number, more: boolean): Reply => ({ json: { delivered, skipped, more } });

test('dead letters are delivered until there are no more, and one reply without any may be between', async () => {
  const admin = await adminOf(retried(2, 1, true), retried(0, 0, true), retried(0, 3, true), retried(1, 0, false));
  expect(await admin.retryDeadLetters(ref)).toEqual({ delivered: 3, skipped: 4, more: false });
});

test('a retry ends when the service makes no progress, and says so', async () => {
  const admin = await adminOf(retried(1, 0, true), retried(0, 0, true));
  await expect(admin.retryDeadLetters(ref)).rejects.toThrow('none of the dead letters that are left, 2 times in a row');
  expect(server.received).toHaveLength(3);
});

test.each(['rotateSubscriptionSecret', 'testSubscription'] as const)(
  '%s is not repeated after a lost reply',
  async (name) => {
    const admin = await adminOf({ close: true });
    await expect(admin[name](ref)).rejects.toMatchObject({ errorCode: 'NETWORK_EXCEPTION' });
    expect(server.received).toHaveLength(1);
  },
);
