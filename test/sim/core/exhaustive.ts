// This is the driver of small worlds. It puts every single fault to every call, and every pair of faults to every pair
// of calls, in each order of steps. A case with one fault makes further calls (repeats), and the second fault of a pair
// may meet any of those. A sample is a part of the single faults, for example every seventh, and the world's name
// decides which is the first. So different worlds cover different calls. There are fifteen kinds of faults, so each
// kind comes at every seventh call. Where a world tells which calls only read, those suffer the seven kinds that differ for them.
import { type FaultKind, faultKinds, faultKindsOfReads } from './faults.ts';
import { createRandom } from './random.ts';
import type { CaseVerdict, Faults, RunOptions, SmallWorld } from './worlds.ts';

export type Part = { readonly index: number; readonly of: number };

export type Sample = {
  /** Selects the single faults whose number leaves `index` when divided by `of`. The default is all of them. */
  readonly part?: Part;
  /** Selects the pairs that begin with these single faults: every one, or this many, drawn by a fixed seed. */
  readonly pairs?: 'all' | number;
};

export type Case = { readonly order: number; readonly faults: Faults };
export type Tried = Case & {
  readonly verdict: CaseVerdict;
  /** The number of cases that there will be, as far as it is known yet. */
  readonly expected: number;
};

/** The calls of a case: the number after the last, and which only read. */
type Calls = { readonly endCall: number; readonly reads?: ReadonlySet<number> | undefined };
type Single = Case & { readonly call: number; readonly calls: Calls };

const kindsAt = (call: number, { reads }: Calls): readonly FaultKind[] =>
  reads?.has(call) ? faultKindsOfReads : faultKinds;

/** Runs a world's cases one after the other. Each order runs without faults first. */
export async function* tryCases(
  world: SmallWorld,
  { part = { index: 0, of: 1 }, pairs = 0 }: Sample = {},
  options: RunOptions = {},
): AsyncGenerator<Tried> {
  const run = await world.prepare();
  const singles: Single[] = [];
  let number = 0;
  let expected = 0;
  for (let order = 0; order < world.orders; order++) {
    const calm = await run(order, new Map(), options);
    expected += 1 + Math.round(countKinds(calm.firstCall, calm) / part.of);
    yield { order, faults: new Map(), verdict: calm, expected };
    for (let call = calm.firstCall; call < calm.endCall; call++) {
      for (const kind of kindsAt(call, calm)) {
        if (number++ % part.of !== part.index) continue;
        const faults = new Map([[call, kind]]);
        const verdict = await run(order, faults, options);
        yield { order, faults, verdict, expected };
        singles.push({ order, faults, call, calls: { endCall: verdict.endCall, reads: verdict.reads } });
      }
    }
  }
  const chosen = pairs === 'all' ? everyPair(singles) : somePairs(singles, pairs, numberOf(world.name) + part.index);
  expected += pairs === 'all' ? countPairs(singles) : pairs;
  for (const { order, faults } of chosen) yield { order, faults, verdict: await run(order, faults, options), expected };
}

/** One part of `of`. The world's name decides which part. */
export const samplePart = ({ name }: SmallWorld, of: number): Part => ({ index: numberOf(name) % of, of });

const numberOf = (name: string): number => [...Buffer.from(name)].reduce((sum, byte) => (sum * 31 + byte) % 65_536, 0);

function* everyPair(singles: readonly Single[]): Generator<Case> {
  for (const { order, faults, call, calls } of singles)
    for (let second = call + 1; second < calls.endCall; second++)
      for (const kind of kindsAt(second, calls)) yield { order, faults: new Map([...faults, [second, kind]]) };
}

/** The number of single faults at this call and those after it. */
function countKinds(from: number, calls: Calls): number {
  let count = 0;
  for (let call = from; call < calls.endCall; call++) count += kindsAt(call, calls).length;
  return count;
}

const countPairs = (singles: readonly Single[]) =>
  singles.reduce((sum, { call, calls }) => sum + countKinds(call + 1, calls), 0);

function* somePairs(singles: readonly Single[], count: number, seed: number): Generator<Case> {
  const random = createRandom(seed);
  const firsts = singles.filter(({ call, calls }) => call + 1 < calls.endCall);
  for (let i = 0; i < count && firsts.length > 0; i++) {
    const { order, faults, call, calls } = random.pick(firsts);
    const second = call + 1 + random.below(calls.endCall - call - 1);
    yield { order, faults: new Map([...faults, [second, random.pick(kindsAt(second, calls))]]) };
  }
}
