// The steps of the classic protocol share this: the group as one strong read found it, and the wait for it to change.
//
// Invariant: nothing here is kept that counts. Each process has one look at a group under way, however many of its members
// wait, and a look begins after all of them asked for it.
import { refused } from '../../api/refusal.ts';
import { newCache } from '../../runtime/cache.ts';
import { beingChanged, type GroupContext } from '../context.ts';
import type { ClassicState, GroupHead } from '../items/head.ts';
import type { Joined, Member } from '../items/member.ts';
import { readGroup } from '../items/members.ts';

/** A member of the classic protocol. */
export type ClassicMember = Member & { readonly joined: Joined };

export type Sight = {
  /** Undefined if there is no such group, or if it was deleted. */
  readonly head: GroupHead | undefined;
  readonly members: readonly Member[];
  /** The ids of the members that hold the instance ids. */
  readonly instances: ReadonlyMap<string, string>;
};

export type ClassicContext = GroupContext & {
  /** Looks at the group after a while. */
  readonly next: (groupId: string) => Promise<Sight>;
  /** This process has changed the group: those that wait look immediately. */
  readonly stir: (groupId: string) => void;
};

export const isClassic = (member: Member): member is ClassicMember => member.joined !== undefined;

export async function look({ table }: GroupContext, groupId: string): Promise<Sight> {
  const { head, ...others } = await readGroup(table, groupId);
  return { ...others, head: head?.isDeleted ? undefined : head };
}

const pause = { firstMs: 50, growth: 1.6, mostMs: 500 };
const groupsKept = 1_000;

type Watch = { looks: number; pending?: { readonly sight: Promise<Sight>; readonly wake: () => void } };

export function createClassicContext(context: GroupContext): ClassicContext {
  const watches = newCache<Watch>(groupsKept);
  const watchOf = (groupId: string): Watch => {
    const watch = watches.get(groupId) ?? { looks: 0 };
    watches.set(groupId, watch);
    return watch;
  };

  async function lookAfter(groupId: string, watch: Watch, woken: Promise<void>): Promise<Sight> {
    const pauseMs = Math.min(pause.mostMs, pause.firstMs * pause.growth ** watch.looks++);
    await Promise.race([context.clock.sleep(pauseMs), woken]);
    delete watch.pending;
    return look(context, groupId);
  }

  return {
    ...context,
    next(groupId) {
      const watch = watchOf(groupId);
      if (!watch.pending) {
        const { promise, resolve } = Promise.withResolvers<void>();
        watch.pending = { sight: lookAfter(groupId, watch, promise), wake: resolve };
      }
      return watch.pending.sight;
    },
    stir(groupId) {
      const watch = watchOf(groupId);
      watch.looks = 0;
      watch.pending?.wake();
    },
  };
}

/** A request that makes so many steps without waiting is in the way of others. */
const mostSteps = 200;

/**
 * Goes from sight to sight until a step gives a result. `step` returns undefined if it changed the group, or could not, and
 * 'wait' if only others can.
 */
export async function goThrough<T>(
  context: ClassicContext,
  groupId: string,
  signal: AbortSignal | undefined,
  step: (sight: Sight) => Promise<{ readonly done: T } | 'wait' | undefined>,
): Promise<T> {
  let sight = await look(context, groupId);
  for (let steps = 0; steps < mostSteps; ) {
    // The client has gone, or is to ask another process.
    if (signal?.aborted) throw rebalancing(groupId);
    const outcome = await step(sight);
    if (outcome !== undefined && outcome !== 'wait') return outcome.done;
    if (outcome === undefined) {
      steps++;
      context.stir(groupId);
    }
    sight = outcome === 'wait' ? await context.next(groupId) : await look(context, groupId);
  }
  throw beingChanged(groupId);
}

export const unknownMember = (memberId: string) =>
  refused('UNKNOWN_MEMBER_ID', `there is no member ${memberId}, because it left or its session timed out: join again`);

export const illegalGeneration = (generation: number, now: ClassicState) =>
  refused('ILLEGAL_GENERATION', `generation: expected ${now.generation}, got ${generation}: join again`);

export const rebalancing = (groupId: string) =>
  refused('REBALANCE_IN_PROGRESS', `group ${groupId} has a new round: join it`);
