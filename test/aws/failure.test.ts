// Functions that die in the middle of a request, a table that throttles or does not answer, a timeout: the caller's error
// must be true, a repeated write is written once, and nothing is lost. The checker of the log judges what clients saw.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adminRoutes } from '../../cdk/access.ts';
import { errorOfAnswer } from '../../client/transport/connection.ts';
import { BATCHES_MEDIA_TYPE } from '../../lib/record/frames.ts';
import { type AccessKey, createUser, policyFor } from '../../tools/emulator/identities.ts';
import { type HttpReply, sendSigned } from '../../tools/emulator/signed-request.ts';
import { batchOf, frameOf, freshName } from '../conformance/target.ts';
import { check } from '../sim/log/check/check.ts';
import type { RealHome } from '../sim/real/backend.ts';
import { summaryOf } from '../sim/real/summary.ts';
import { defaultRealWorld, runRealWorld } from '../sim/real/world.ts';
import { type Deployment, deployOther } from './deployment.ts';
import { startFaultyHome } from './faulty-backend.ts';
import { onEmulator } from './resources.ts';

await onEmulator((aws) => {
  let deployment: Deployment;
  let operator: AccessKey;
  let backend: RealHome | undefined;
  let overdue: Awaited<ReturnType<typeof newWrite>> & { readonly reply: Promise<HttpReply> };
  beforeAll(async () => {
    deployment = await deployOther(aws, { name: 'Faulty', options: { throwAway: 'true', watch: 'off' }, faulty: true });
    const { endpoint, url } = deployment;
    operator = await createUser(endpoint, freshName(), policyFor(endpoint, url, adminRoutes));
    const { write, count } = await newWrite();
    // This request takes all of a function's time, so it runs in parallel with the tests. The last one waits for it.
    overdue = { write, count, reply: write('delay:120000') };
  });
  afterAll(() => backend?.close());

  const send = (method: string, path: string, body: string | Uint8Array = '', headers = {}) =>
    sendSigned(deployment.url, operator, { method, path, body, headers });
  const json = { 'content-type': 'application/json' };
  const jsonOf = ({ body }: HttpReply) => JSON.parse(body.toString());

  /** Repeats a write until it is answered. On a busy machine an emulator answers with 5xx, too. */
  async function acknowledged(write: () => Promise<HttpReply>): Promise<object> {
    for (;;) {
      const reply = await write();
      if (reply.status < 500) return jsonOf(reply).partitions[0];
    }
  }

  /** One batch of one producer to a topic of its own. */
  async function newWrite() {
    const path = `/v1/topics/${freshName()}`;
    expect((await send('PUT', path, '{}', json)).status).toBe(201);
    const { producerId } = jsonOf(await send('POST', '/v1/producers'));
    const batch = (baseSequence: number) => batchOf(['once'], { producerId, producerEpoch: 0, baseSequence });
    return {
      write: (fault?: string, sequence = 0) =>
        send('POST', `${path}/records`, frameOf(0, batch(sequence)), {
          'content-type': BATCHES_MEDIA_TYPE,
          ...(fault !== undefined && { 'rivulet-fault': fault }),
        }),
      count: async () => jsonOf(await send('GET', `${path}/offsets?at=latest`)).partitions[0].offset as number,
    };
  }

  describe('a write', () => {
    test.each([
      ['dies before it begins', 'kill-before', 0],
      ['dies before it sends its answer', 'kill-after', 1],
    ])('whose function %s is unknown to the caller, and its repeat is written once', async (_, fault, written) => {
      const { write, count } = await newWrite();
      const lost = await write(fault);
      expect(lost.status).toBeGreaterThanOrEqual(500);
      expect(errorOfAnswer(lost, true)).toMatchObject({
        errorCode: 'GATEWAY_ERROR',
        outcome: 'unknown',
        retriable: true,
      });
      expect(await count()).toBe(written);
      const ack = await acknowledged(write);
      expect(ack).toMatchObject({ baseOffset: 0, ...(written === 1 && { duplicate: true }) });
      expect(await count()).toBe(1);
    });

    test.each(['table-throttled:1', 'table-deaf:1', 'store-throttled:1', 'store-deaf:1'])(
      'is written once and acknowledged in spite of %s',
      async (fault) => {
        const { write, count } = await newWrite();
        const reply = await write(fault);
        expect([reply.status, jsonOf(reply).partitions?.[0]]).toMatchObject([200, { baseOffset: 0 }]);
        expect(await count()).toBe(1);
      },
    );

    test.each([
      ['a table that throttles for ever', 'table-throttled'],
      ['a store that throttles for ever', 'store-throttled'],
    ])('to %s gets a problem document that says it is not written and may be repeated', async (_, fault) => {
      const { write, count } = await newWrite();
      const reply = await write(fault);
      const problem = problemOf(reply);
      expect(problem).toMatchObject({ outcome: 'not-written', retriable: true });
      expect(await count()).toBe(0);
      expect(await acknowledged(write)).toMatchObject({ baseOffset: 0 });
    });

    test('to a table that never answers gets a problem document that says the outcome is unknown', async () => {
      const { write, count } = await newWrite();
      // The function knows the topic after this write, so the next request that gets no answer is the commit itself.
      expect((await write()).status).toBe(200);
      const reply = await write('table-silent', 1);
      expect(problemOf(reply)).toMatchObject({ errorCode: 'REQUEST_TIMED_OUT', outcome: 'unknown', retriable: true });
      expect(jsonOf(await write(undefined, 1)).partitions[0]).toMatchObject({ baseOffset: 1 });
      expect(await count()).toBe(2);
    });
  });

  /** Our problem document: the whole reply, or the error of its one result. */
  function problemOf(reply: HttpReply): unknown {
    expect(reply.headers['content-type']).toMatch(/^application\/(problem\+)?json$/);
    const body = jsonOf(reply);
    return body.partitions?.[0].error ?? body;
  }

  test('kills, throttling, silence and lost answers leave a history without an anomaly', {
    timeout: 600_000,
  }, async () => {
    backend = await startFaultyHome(deployment);
    const result = await runRealWorld(backend, {
      ...defaultRealWorld,
      steady: 2,
      oneShot: 1,
      transactional: 0,
      readers: 2,
      seconds: 10,
      kills: 5,
      faults: 20,
      faultShare: 0.12,
      killEveryMs: 4_000,
    });
    console.log(summaryOf(result));
    expect(check(result.history)).toEqual([]);
    const { sends } = result.history;
    expect(sends.filter(({ tries }) => typeof tries.at(-1) === 'number').length).toBeGreaterThan(5);
  });

  test('a write whose function is killed at its timeout is unknown to the caller, and its repeat is written once', async () => {
    const { write, count, reply } = overdue;
    const late = await reply;
    expect(late.status).toBeGreaterThanOrEqual(500);
    expect(errorOfAnswer(late, true)).toMatchObject({
      errorCode: 'GATEWAY_ERROR',
      outcome: 'unknown',
      retriable: true,
    });
    expect(jsonOf(await write()).partitions[0]).toMatchObject({ baseOffset: 0 });
    expect(await count()).toBe(1);
  });
});
