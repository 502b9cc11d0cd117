import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { idleCost, type Line } from './idle-cost.ts';
import { codeBytes, templatesWith } from './synth.ts';

const costOf = (given: Record<string, unknown>) => idleCost(Object.values(templatesWith(given)), codeBytes());
const sum = (lines: readonly Line[]) => lines.reduce((usd, { usdPerMonth }) => usd + usdPerMonth, 0);

describe('a month without calls', () => {
  test('costs less than five cents without alarms', async () => {
    const usd = sum(await costOf({ watch: 'off' }));
    expect(usd).toBeGreaterThan(0);
    expect(usd).toBeLessThan(0.05);
  });

  test('costs ten cents more for each alarm, and a dashboard its price', async () => {
    const [none, small, full] = await Promise.all(
      ['off', 'small', 'full'].map(async (watch) => sum(await costOf({ watch }))),
    );
    expect(small! - none!).toBeCloseTo(0.8, 6);
    expect(full! - none!).toBeCloseTo(2.2, 6);
    expect(sum(await costOf({ dashboard: true })) - small!).toBeCloseTo(3, 6);
  });

  test('costs what docs/DEPLOY.md says, resource by resource', async () => {
    const lines = await costOf({});
    const rows = [
      ...lines,
      { type: 'in all', count: lines.reduce((all, { count }) => all + count, 0), usdPerMonth: sum(lines) },
    ].map(({ type, count, usdPerMonth }) => `| ${type.replace('AWS::', '')} | ${count} | ${dollars(usdPerMonth)} |`);
    expect(tableIn(readFileSync('docs/DEPLOY.md', 'utf8'))).toEqual(rows);
  });
});

const dollars = (usd: number): string => (usd === 0 ? '0' : usd.toFixed(4));

/** The rows below the marker in the text. */
function tableIn(text: string): string[] {
  const [, table] = /<!-- idle cost -->\n((?:\|.*\n)+)/.exec(text) ?? [];
  return (table ?? '').trim().split('\n').slice(2);
}
