// Random and damaged requests reach every handler over a real socket. Each ends in a reply or in a closed connection, for a
// reason that names what was expected. None takes memory with it, and none fails in a way that nobody has thought of.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MalformedFrameError } from '../../kafka/codec/malformed-frame.ts';
import { RivuletError } from '../../lib/api/errors.ts';
import { anyFrame, sendAlone } from './random-requests.ts';
import { startService } from './service.ts';
import { key } from './wire.ts';

/** Some of them wait for other members, or for records, and end with their connection. */
const waitMs = 3_000;
const frames = 500;
const atOnce = 20;

test('requests of any content, whole and damaged, end in a reply or in a reason', async () => {
  // A hundred leaks of a frame would leave no memory for the last request.
  const faults: unknown[] = [];
  const isReason = (error: unknown) => error instanceof MalformedFrameError || error instanceof RivuletError;
  const onError = (error: unknown) => void (isReason(error) || faults.push(error));
  const service = await startService({ limits: { budgetBytes: 1 << 20 }, onError });
  const some = fc.sample(anyFrame, frames);
  let answered = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let frame = some.pop(); frame; frame = some.pop())
        if (await sendAlone(service.port, frame, waitMs)) answered++;
    }),
  );
  expect(answered).toBeGreaterThan(frames / 5);
  expect(faults).toEqual([]);
  expect(await (await service.connect()).ask(key.apiVersions, 0)).toMatchObject({ errorCode: 0 });
});
