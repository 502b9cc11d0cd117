import { describe, expect, it } from 'vitest';
import { type Ask, freshName } from './target.ts';

/** A name that has no address: a subscription may have it, and no delivery reaches anything. */
const target = { url: 'https://webhook.invalid/orders' };
const settings = { target, startingPosition: 'TRIM_HORIZON' };
const deadLettersPath = (letters: string, topic: string, group: string): string =>
  `/v1/dead-letters/${letters}/subscriptions/${topic}/${group}`;

export function subscriptionsConformance(ask: Ask): void {
  /** A topic without records, so that nothing is delivered. */
  async function subscribed(given: object = {}) {
    const { topic, path: topicPath } = await ask.topic(2);
    const group = freshName();
    const path = `${topicPath}/subscriptions/${group}`;
    const created = await ask.json('PUT', path, { ...settings, ...given });
    expect(created.status).toBe(201);
    return { topic, topicPath, group, path, created };
  }

  describe('a subscription', () => {
    it('is created with the defaults of Lambda, and its secret is shown once', async () => {
      const { path, created, topic, group } = await subscribed();
      expect(created.json).toMatchObject({
        topic,
        groupId: group,
        state: 'Enabled',
        lag: 0,
        secret: expect.any(String),
      });
      expect(created.json.settings).toEqual({
        ...settings,
        batchSize: 100,
        maximumBatchingWindowSeconds: 0,
        maximumRetryAttempts: -1,
        maximumRecordAgeSeconds: -1,
        bisectBatchOnFunctionError: false,
        reportBatchItemFailures: false,
      });
      const { secret: _secret, ...described } = created.json;
      expect((await ask.get(path)).json).toEqual(described);
    });

    it('can be created again with the same settings, and not with others', async () => {
      const { path } = await subscribed();
      expect((await ask.json('PUT', path, settings)).status).toBe(201);
      const other = await ask.json('PUT', path, { ...settings, batchSize: 1 });
      expect(other.json).toMatchObject({ status: 409, errorCode: 'SUBSCRIPTION_ALREADY_EXISTS' });
    });

    it('begins where it was told to', async () => {
      const { topic, path: topicPath } = await ask.topic();
      const records = [1, 2].map((value) => ({ value: { value }, partition: 0 }));
      expect((await ask.json('POST', `${topicPath}/records`, { records })).status).toBe(200);
      const committed = async (body: object) => {
        const group = freshName();
        const path = `/v1/topics/${topic}/subscriptions/${group}`;
        const { json } = await ask.json('PUT', path, { ...settings, enabled: false, ...body });
        return [json.state, json.partitions[0].committedOffset, json.lag];
      };
      expect(await committed({ startingPosition: 'TRIM_HORIZON' })).toEqual(['Paused', 0, 2]);
      expect(await committed({ startingPosition: 'LATEST' })).toEqual(['Paused', 2, 0]);
      const timed = { startingPosition: 'AT_TIMESTAMP', startingPositionTimestamp: 0 };
      expect(await committed(timed)).toEqual(['Paused', 0, 2]);
    });

    it('is changed in part, and null takes an optional setting away', async () => {
      const { path, topic, group } = await subscribed({ maximumConcurrency: 2 });
      const own = { batchSize: 7, onFailure: { topic }, maximumConcurrency: null };
      const changed = await ask.json('PATCH', deadLettersPath(topic, topic, group), own);
      expect(changed.json).toMatchObject({ status: 400, detail: expect.stringContaining('expected another topic') });
      const dead = await ask.topic();
      const body = { batchSize: 7, onFailure: { topic: dead.topic }, maximumConcurrency: null };
      const done = await ask.json('PATCH', deadLettersPath(dead.topic, topic, group), body);
      expect(done.json.settings).toMatchObject({ batchSize: 7, onFailure: { topic: dead.topic } });
      const { json } = await ask.get(path);
      expect(json.settings).not.toHaveProperty('maximumConcurrency');
      const kept = await ask.json('PATCH', path, { batchSize: 8 });
      expect(kept.json.settings).toMatchObject({ batchSize: 8, onFailure: { topic: dead.topic } });
      expect((await ask.json('PATCH', path, { onFailure: null })).json.settings).not.toHaveProperty('onFailure');
    });

    it('pauses with a reason, and resumes', async () => {
      const { path } = await subscribed();
      const paused = await ask.json('POST', `${path}/pause`, { reason: 'the shop is closed' });
      expect(paused.json).toMatchObject({ state: 'Paused', pausedReason: 'the shop is closed' });
      expect((await ask.get(path)).json).toMatchObject({ state: 'Paused', pausedReason: 'the shop is closed' });
      expect((await ask.json('POST', `${path}/resume`)).json).toMatchObject({ state: 'Enabled' });
      expect((await ask.get(path)).json).not.toHaveProperty('pausedReason');
    });

    it('is in the lists, which have pages', async () => {
      const { topic, group } = await subscribed();
      const second = freshName();
      await ask.json('PUT', `/v1/topics/${topic}/subscriptions/${second}`, settings);
      const groups: string[] = [];
      let after = '';
      do {
        const page = await ask.get(`/v1/subscriptions?topic=${topic}&limit=1${after && `&after=${after}`}`);
        groups.push(...page.json.subscriptions.map(({ groupId }: { groupId: string }) => groupId));
        after = page.json.nextAfter;
      } while (after);
      expect(groups).toEqual([group, second].sort());
      const all = await ask.get('/v1/subscriptions?limit=1000');
      expect(all.json.subscriptions).toContainEqual(expect.objectContaining({ topic, groupId: group, target }));
    });

    it('is described with its group, which no member can join', async () => {
      const { topic, group } = await subscribed();
      const { json } = await ask.get(`/v1/groups/${group}`);
      expect(json).toMatchObject({ state: 'Stable', members: 0, subscription: { state: 'Enabled' } });
      const heartbeat = { memberId: freshName(), memberEpoch: 0, heartbeatSeq: 0, subscribedTopicNames: [topic] };
      const refused = await ask.json('POST', `/v1/groups/${group}/heartbeat`, heartbeat);
      expect(refused.json).toMatchObject({ errorCode: 'INCONSISTENT_GROUP_PROTOCOL' });
    });

    it('lets its offsets be reset only while it is paused', async () => {
      const { topic, group, path } = await subscribed();
      const reset = () => {
        const topics = [{ topic, target: { to: 'earliest' } }];
        return ask.json('POST', `/v1/groups/${group}/offsets/reset`, { topics });
      };
      expect((await reset()).json).toMatchObject({ status: 409, errorCode: 'NON_EMPTY_GROUP' });
      await ask.json('POST', `${path}/pause`, {});
      expect((await reset()).status).toBe(200);
    });

    it('has another secret after a rotation, and tells until when the one before is good', async () => {
      const { path, created } = await subscribed();
      const { json } = await ask.json('POST', `${path}/rotate-secret`);
      expect(json.secret).not.toBe(created.json.secret);
      expect(json.previousUntil).toBeGreaterThan(Date.now());
    });

    it('sends a sample event, and says how that went', async () => {
      const { path } = await subscribed();
      const { json } = await ask.json('POST', `${path}/test-invoke`);
      expect(json).toMatchObject({ outcome: 'failed', error: expect.any(String) });
    });

    it('ends, and the offsets of its group stay', async () => {
      const { topic, group, path } = await subscribed();
      expect((await ask.json('DELETE', path)).status).toBe(204);
      expect((await ask.get(path)).json).toMatchObject({ status: 404, errorCode: 'SUBSCRIPTION_NOT_FOUND' });
      expect((await ask.json('DELETE', path)).json).toMatchObject({ errorCode: 'SUBSCRIPTION_NOT_FOUND' });
      const { json } = await ask.get(`/v1/groups/${group}/offsets?topic=${topic}`);
      expect(json.topics[0].partitions.map(({ offset }: { offset: number }) => offset)).toEqual([0, 0]);
      expect((await ask.json('PUT', path, settings)).status).toBe(201);
    });
  });

  describe('a subscription is refused', () => {
    const refusal = async (body: object, path?: string) => {
      const { path: topicPath } = await ask.topic();
      return (await ask.json('PUT', path ?? `${topicPath}/subscriptions/${freshName()}`, { ...settings, ...body }))
        .json;
    };

    it.each([
      [{ target: undefined }, 'body.target: expected {"url": ...} or {"function": ...}, got nothing'],
      [{ target: { url: 'http://8.8.8.8/' } }, 'target.url: expected '],
      [
        { target: { url: 'https://169.254.169.254/latest/meta-data/' } },
        'target.url: expected a host name that has only public addresses',
      ],
      [{ target: { url: 'https://10.0.0.1/' } }, 'target.url: expected a host name that has only public addresses'],
      [{ target: { url: 'https://ada:secret@example.com/' } }, 'target.url: expected no user and no password'],
      [{ target: { function: 'bill' } }, 'target.function: expected '],
      [{ startingPosition: 'EARLIEST' }, 'body.startingPosition: expected TRIM_HORIZON, LATEST or AT_TIMESTAMP'],
      [{ startingPosition: 'AT_TIMESTAMP' }, 'body.startingPositionTimestamp: expected a time beside AT_TIMESTAMP'],
      [{ startingPositionTimestamp: 1 }, 'body.startingPositionTimestamp: expected nothing beside TRIM_HORIZON'],
      [{ batchSize: 0 }, 'body.batchSize: expected a whole number from 1 to 10000, got 0'],
      [{ maximumRecordAgeSeconds: 59 }, 'maximumRecordAgeSeconds: expected '],
      [{ filterCriteria: { filters: [{ pattern: '{' }] } }, 'filterCriteria.filters[0].pattern: expected JSON'],
      [{ batchsize: 1 }, 'body.batchsize: there is no such field'],
    ])('for %j', async (body, detail) => {
      const refused = await refusal(body);
      expect([400, 404]).toContain(refused.status);
      expect(refused.detail).toContain(detail);
      expect(refused.outcome).toBe('not-written');
    });

    it('with a topic for dead letters that its path does not name, whoever may write the subscription', async () => {
      const dead = await ask.topic();
      const onFailure = { topic: dead.topic };
      const { topic, path: topicPath } = await ask.topic();
      const group = freshName();
      const path = `${topicPath}/subscriptions/${group}`;
      const rightPath = deadLettersPath(dead.topic, topic, group);
      const detail = (right: string) =>
        `body.onFailure.topic: expected the path ${right}, because IAM decides by the path who may write to that topic, got `;
      expect((await refusal({ onFailure }, path)).detail).toContain(detail(rightPath));
      expect((await ask.get(path)).status).toBe(404);
      expect((await ask.json('PUT', rightPath, { ...settings, onFailure })).status).toBe(201);
      const other = await ask.topic();
      const redirected = await ask.json('PATCH', path, { onFailure: { topic: other.topic } });
      expect(redirected.json.detail).toContain(detail(deadLettersPath(other.topic, topic, group)));
      expect((await ask.get(path)).json.settings).toMatchObject({ onFailure });
      for (const method of ['PUT', 'PATCH'])
        for (const body of [{ onFailure: { topic: other.topic } }, {}]) {
          const mixed = await ask.json(method, rightPath, { ...(method === 'PUT' && settings), batchSize: 3, ...body });
          const expected = `body.onFailure.topic: expected ${dead.topic}, which the path names, got `;
          expect(mixed.json).toMatchObject({ status: 400, detail: expect.stringContaining(expected) });
        }
    });

    it('with a topic for dead letters that does not exist', async () => {
      const { topic } = await ask.topic();
      const dead = freshName();
      const refused = await refusal({ onFailure: { topic: dead } }, deadLettersPath(dead, topic, freshName()));
      expect(refused).toMatchObject({
        status: 400,
        detail: `onFailure.topic: expected a topic that exists, got ${dead}`,
      });
    });

    it('for a topic that does not exist', async () => {
      const refused = await refusal({}, `/v1/topics/${freshName()}/subscriptions/billing`);
      expect(refused).toMatchObject({ status: 404, errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' });
    });

    it('while the group has members', async () => {
      const { topic, path } = await ask.topic();
      const group = freshName();
      const heartbeat = { memberId: freshName(), memberEpoch: 0, heartbeatSeq: 0, subscribedTopicNames: [topic] };
      expect((await ask.json('POST', `/v1/groups/${group}/heartbeat`, heartbeat)).status).toBe(200);
      const refused = await ask.json('PUT', `${path}/subscriptions/${group}`, settings);
      expect(refused.json).toMatchObject({ status: 409, errorCode: 'NON_EMPTY_GROUP' });
    });
  });
}
