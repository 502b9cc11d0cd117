// Requests of any content for the APIs that are offered, some of them damaged, and what becomes of them.
import { connect } from 'node:net';
import fc from 'fast-check';
import { apis } from '../../kafka/apis.ts';
import { nameOfApi } from '../../kafka/codec/frame.ts';
import { messageRow } from '../../kafka/schema/table.ts';
import { structOf } from './codec/arbitrary-message.ts';
import { requestFrame } from './wire.ts';

const anyRequest: fc.Arbitrary<Buffer> = fc
  .constantFrom(...apis.values())
  .chain(({ key, versions: [first, last] }) =>
    fc
      .integer({ min: first, max: last })
      .chain((version) =>
        structOf(messageRow(`${nameOfApi(key)}Request`).fields, version).map((message) =>
          requestFrame({ apiKey: key, version, correlationId: 1 }, message),
        ),
      ),
  );

type Damage = { readonly cut: number | null; readonly changes: readonly (readonly [at: number, byte: number])[] };

/** The length of the frame stays, so a frame that is cut is one that does not come whole. */
const damage: fc.Arbitrary<Damage> = fc.record({
  cut: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { freq: 4 }),
  changes: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }),
});

function damagedBy(frame: Buffer, { cut, changes }: Damage): Buffer {
  const damaged = Buffer.from(frame.subarray(0, Math.ceil(frame.length * (cut ?? 1))));
  for (const [at, byte] of changes) if (damaged.length > 4) damaged[4 + (at % (damaged.length - 4))] = byte;
  return damaged;
}

/** Half of them are damaged. */
export const anyFrame: fc.Arbitrary<Buffer> = fc
  .tuple(anyRequest, fc.option(damage, { freq: 1 }))
  .map(([frame, damages]) => (damages ? damagedBy(frame, damages) : frame));

/** Resolves with the bytes of a reply, or undefined if none came before the connection was closed or the time was over. */
export function sendAlone(port: number, frame: Buffer, waitMs: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (reply?: Buffer) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(reply);
    };
    const timer = setTimeout(end, waitMs);
    socket.on('error', () => undefined);
    socket.once('data', end);
    socket.once('close', () => end());
    const isWhole = frame.length >= 4 && frame.length >= 4 + frame.readInt32BE();
    if (isWhole) socket.write(frame);
    else socket.end(frame);
  });
}
