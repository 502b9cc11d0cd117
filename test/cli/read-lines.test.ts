import { expect, test } from 'vitest';
import { linesOf } from '../../cli/read-lines.ts';

async function linesIn(chunks: readonly Uint8Array[]): Promise<string[]> {
  async function* source() {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  const lines: string[] = [];
  for await (const some of linesOf(source())) lines.push(...some.map((line) => line.toString('latin1')));
  return lines;
}

test('the lines are the same wherever the chunks end', async () => {
  const input = Buffer.from('one\r\n\ntwo\xff\n\r\nthree\r\n four', 'latin1');
  for (let size = 1; size <= input.length; size++) {
    const chunks = Array.from({ length: Math.ceil(input.length / size) }, (_, i) =>
      input.subarray(i * size, (i + 1) * size),
    );
    expect(await linesIn(chunks)).toEqual(['one', '', 'two\xff', '', 'three', ' four']);
  }
});

test('an empty input has no lines, and a newline at the end begins no line', async () => {
  expect(await linesIn([])).toEqual([]);
  expect(await linesIn([Buffer.from('one\n')])).toEqual(['one']);
});

test('a line that is longer than any record is refused before it fills the memory', async () => {
  const chunk = Buffer.alloc(1024 * 1024, 'x');
  await expect(linesIn([Buffer.from('one\ntwo\n'), ...Array.from({ length: 100 }, () => chunk)])).rejects.toThrow(
    'line 3: expected at most 67108864 bytes, got more',
  );
});
