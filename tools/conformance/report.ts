// The result of a run as text: a line for each cluster, and the tests whose outcome differs.
import type { Outcome, Suite, Test, Verdict } from './suite.ts';
import type { TargetName } from './target.ts';

export function report(
  suite: Suite,
  tests: readonly Test[],
  columns: ReadonlyMap<TargetName, ReadonlyMap<string, Outcome>>,
): string {
  const rows = [...columns].map(([target, outcomes]) => {
    const count = (verdict: Verdict) => [...outcomes.values()].filter((outcome) => outcome.verdict === verdict).length;
    return `| ${target} | ${tests.length} | ${count('passed')} | ${count('failed')} | ${count('skipped')} |`;
  });
  const notPassed = tests.filter(({ name }) => [...columns.values()].some((of) => of.get(name)!.verdict !== 'passed'));
  const details = notPassed.map(({ name }) => {
    const cells = [...columns.values()].map((of) => `${of.get(name)!.verdict}, ${of.get(name)!.seconds} s`);
    return `| ${name} | ${cells.join(' | ')} |`;
  });
  return [
    `${suite.title}, ${new Date().toISOString().slice(0, 10)}; left out: ${Object.keys(suite.leftOut).length}`,
    '',
    ...['| cluster | tests | passed | failed | skipped |', '|---|--:|--:|--:|--:|', ...rows],
    '',
    ...[
      `| not passed by all | ${[...columns.keys()].join(' | ')} |`,
      `|---|${'---|'.repeat(columns.size)}`,
      ...details,
    ],
    '',
  ].join('\n');
}
