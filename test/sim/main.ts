// The simulation by hand:
//
//   npm run sim -- --seed 7                 one world, with its trace if it fails
//   npm run sim -- --seed 7 --trace         with its trace
//   npm run sim -- --seeds 1000 [--from 1]  many worlds
//   any of the world's numbers: --processes 3 --partitions 2 --steady 3 --anonymous 2 --one-shot 25
//                               --conditional 1 --readers 2 --sends 15 --fault-rate 0.03
//   --faults 17:reply-lost,40:killed-after  exactly these faults (call number: kind) instead of a rate
//   --edn history.edn                       write the (last) history for an outside checker: docs/CHECKING.md
//   --steps 500                             show only so many lines of the trace (a failure's leaves out plain reads)
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { check } from './check/check.ts';
import { type FaultKind, faultKinds } from './faults.ts';
import { toEdn } from './real/edn.ts';
import { shrink } from './shrink.ts';
import { defaultWorld, runWorld, type WorldOptions } from './world.ts';

const numbers = [
  'processes',
  'partitions',
  'steady',
  'anonymous',
  'one-shot',
  'conditional',
  'readers',
  'sends',
  'fault-rate',
] as const;
const fieldOf = (flag: string) =>
  flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase()) as keyof typeof defaultWorld;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    steps: { type: 'string', default: '400' },
    trace: { type: 'boolean', default: false },
    faults: { type: 'string' },
    edn: { type: 'string' },
    ...(Object.fromEntries(numbers.map((name) => [name, { type: 'string' }])) as Record<
      (typeof numbers)[number],
      { type: 'string' }
    >),
  },
});

function worldOf(seed: number): WorldOptions {
  const given = numbers
    .filter((name) => values[name] !== undefined)
    .map((name) => [fieldOf(name), Number(values[name])]);
  const faults = values.faults === undefined ? {} : { faults: parseFaults(values.faults) };
  return { ...defaultWorld, ...(Object.fromEntries(given) as Partial<WorldOptions>), ...faults, seed };
}

function parseFaults(list: string): Map<number, FaultKind> {
  const pairs = list
    .split(',')
    .filter(Boolean)
    .map((one) => one.split(':') as [string, string]);
  return new Map(
    pairs.map(([call, kind]) => [Number(call), faultKinds.find((known) => known.replaceAll(' ', '-') === kind)!]),
  );
}

/** The command that replays a world. */
function commandOf(world: WorldOptions): string {
  const flags = numbers.map((name) => `--${name} ${world[fieldOf(name)]}`);
  const faults =
    world.faults && [...world.faults].map(([call, kind]) => `${call}:${kind.replaceAll(' ', '-')}`).join(',');
  return `npm run sim -- --seed ${world.seed} ${flags.join(' ')}${faults === undefined ? '' : ` --faults ${faults || "''"}`}`;
}

async function verdictOf(world: WorldOptions): Promise<{ steps: number; complaints: string[]; trace: string[] }> {
  const trace: string[] = [];
  try {
    const { history, steps, isOver } = await runWorld({ ...world, trace: (line) => trace.push(line) });
    if (values.edn !== undefined) writeFileSync(values.edn, toEdn(history));
    const complaints = check(history).map(({ name, detail }) => `${name}: ${detail}`);
    return { steps, complaints: isOver ? complaints : ['the clients did not come to an end', ...complaints], trace };
  } catch (error) {
    return { steps: 0, complaints: [error instanceof Error ? (error.stack ?? error.message) : String(error)], trace };
  }
}

async function main(): Promise<void> {
  const first = Number(values.seed ?? values.from);
  const count = values.seeds === undefined ? 1 : Number(values.seeds);
  const begunMs = performance.now();
  let steps = 0;
  for (let seed = first; seed < first + count; seed++) {
    const verdict = await verdictOf(worldOf(seed));
    steps += verdict.steps;
    if (values.trace) console.log(verdict.trace.slice(0, Number(values.steps)).join('\n'));
    if (verdict.complaints.length > 0) return await report(seed, verdict.complaints);
    if (process.stderr.isTTY && seed % 20 === 0) process.stderr.write(`\r${seed - first + 1} of ${count} worlds`);
  }
  const seconds = (performance.now() - begunMs) / 1000;
  console.log(
    `${count} worlds from seed ${first}: no anomaly. ${steps} steps in ${seconds.toFixed(1)} s, ${Math.round(steps / seconds)} a second`,
  );
}

async function report(seed: number, complaints: readonly string[]): Promise<void> {
  console.log(`seed ${seed} fails:\n  ${complaints.slice(0, 5).join('\n  ')}\nmaking it smaller ...`);
  const smallest = await shrink(worldOf(seed));
  const { complaints: left, trace } = await verdictOf(smallest);
  const telling = trace.filter((line) => !/ (read|get|query) .*: done$/.test(line));
  console.log(
    `${telling.slice(0, Number(values.steps)).join('\n')}\n  ${left.slice(0, 5).join('\n  ')}\nreplay: ${commandOf(smallest)}`,
  );
  process.exitCode = 1;
}

await main();
