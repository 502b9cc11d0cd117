// This file splits a stream of bytes into lines. It yields the lines of one chunk together, because one send takes them all.
import { limits } from '../lib/api/limits.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** Yields lines without their ends (\n or \r\n). The last one needs no end. Throws when a line is too long for a record. */
export async function* linesOf(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer[]> {
  let begun: Buffer[] = [];
  let begunBytes = 0;
  let whole = 0;
  for await (const chunk of source) {
    const lines: Buffer[] = [];
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      const piece = chunk.subarray(from, end);
      lines.push(withoutReturn(begun.length === 0 ? piece : Buffer.concat([...begun, piece])));
      begun = [];
      from = end + 1;
    }
    if (from > 0) begunBytes = 0;
    if (from < chunk.length) begun.push(chunk.subarray(from));
    begunBytes += chunk.length - from;
    if (begunBytes > limits.uncompressedBatchBytes)
      throw new Error(
        `line ${whole + lines.length + 1}: expected at most ${limits.uncompressedBatchBytes} bytes, got more`,
      );
    whole += lines.length;
    if (lines.length > 0) yield lines;
  }
  if (begun.length > 0) yield [withoutReturn(Buffer.concat(begun))];
}

const withoutReturn = (line: Buffer): Buffer => (line.at(-1) === RETURN ? line.subarray(0, -1) : line);
