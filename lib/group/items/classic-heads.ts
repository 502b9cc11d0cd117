// The writes of the head of a group of the classic protocol. A round takes its number from the group epoch. Each step of
// the round is one conditional write, any process may make it, and a process that comes late is refused.
import { groupHeadKey, itemVersion } from '../../storage/keys.ts';
import { absent, all, type Condition, equals, type Update, type Write } from '../../storage/table.ts';
import type { GroupContext } from '../context.ts';
import { type ClassicState, classicHeadVersion, type GroupHead, type Phase, phases } from './head.ts';

const letterOf = (phase: Phase): string => Object.entries(phases).find(([, name]) => name === phase)![0];

/** Requires that no round was opened, completed or emptied since the head was read. */
const asRead = ({ groupEpoch, classic }: GroupHead): Condition =>
  all(
    equals('ge', groupEpoch),
    absent('de'),
    ...(classic ? [equals('rd', classic.round), equals('ps', letterOf(classic.phase))] : [absent('ty')]),
  );

async function change(context: GroupContext, groupId: string, update: Update, condition: Condition): Promise<boolean> {
  const result = await context.table.write({ kind: 'update', key: groupHeadKey(groupId), update, if: condition });
  return result.applied;
}

/** J1. From here on members join the new round. The group takes on the classic protocol, if it had another. */
export function openRound(
  context: GroupContext,
  groupId: string,
  head: GroupHead,
  { protocolType, rebalanceMs }: { protocolType: string; rebalanceMs: number },
): Promise<boolean> {
  const update: Update = {
    set: [
      ['v', classicHeadVersion],
      ['ty', 'c'],
      ['ps', letterOf('preparing')],
      ['rd', head.groupEpoch + 1],
      ['pt', protocolType],
      ['dl', context.clock.now() + rebalanceMs],
    ],
    setIfAbsent: [['gn', 0]],
    add: [['ge', 1]],
    ...(!head.classic && { remove: ['tn', 'dg', 'ca'] }),
  };
  return change(context, groupId, update, asRead(head));
}

export type Completion = { readonly roster: string; readonly leader: string; readonly protocol: string };

/** J3. From here on the round is a generation, and its roster is fixed. */
export function completeRound(
  context: GroupContext,
  groupId: string,
  { round }: ClassicState,
  { roster, leader, protocol }: Completion,
): Promise<boolean> {
  const isPreparing = equals('ps', letterOf('preparing'));
  // No other round was opened. Nor did an operator's change raise the epoch: it is in the offsets items then, and a fence
  // below it would be overtaken.
  const isThisRound = equals('ge', round);
  const update: Update = {
    set: [
      ['ps', letterOf('completing')],
      ['gn', round],
      ['ro', roster],
      ['ld', leader],
      ['pn', protocol],
    ],
    remove: ['an', 'es'],
  };
  return change(context, groupId, update, all(isPreparing, isThisRound, absent('de')));
}

/** S. From here on the assignment of the generation is fixed. */
export function installAssignment(
  context: GroupContext,
  groupId: string,
  generation: number,
  nonce: string,
): Promise<boolean> {
  const isCompleting = equals('ps', letterOf('completing'));
  const update: Update = {
    set: [
      ['ps', letterOf('fencing')],
      ['an', nonce],
    ],
  };
  return change(context, groupId, update, all(isCompleting, equals('gn', generation), absent('de')));
}

/** F2. All offsets items have the terms of the generation, so that members may be told. */
export function settleGeneration(context: GroupContext, groupId: string, generation: number): Promise<boolean> {
  const update: Update = { set: [['ps', letterOf('stable')]] };
  const isFencing = equals('ps', letterOf('fencing'));
  return change(context, groupId, update, all(isFencing, equals('gn', generation), absent('de')));
}

/** The condition of a stable generation whose assignment is as it was read. */
export const hasAssignment = ({ generation, assignment }: ClassicState): Condition =>
  all(equals('gn', generation), equals('ps', letterOf('stable')), equals('an', assignment!), absent('de'));

/** A static member takes the place of another in the stable generation, which stays. */
export function inherit(
  groupId: string,
  state: ClassicState,
  { roster, assignment, leader }: { readonly roster: string; readonly assignment: string; readonly leader: string },
): Write {
  const update: Update = {
    set: [
      ['ro', roster],
      ['an', assignment],
      ['ld', leader],
    ],
  };
  const isThisGeneration = hasAssignment(state);
  return { kind: 'update', key: groupHeadKey(groupId), update, if: isThisGeneration };
}

/** Requires that the generation is still being fenced, where a fence makes an item. */
export const isBeingFenced = (generation: number): Condition =>
  all(equals('gn', generation), equals('ps', letterOf('fencing')), absent('de'));

/** Requires that the generation holds, where a commit makes an item. */
export const isGeneration = (generation: number): Condition =>
  all(equals('gn', generation), equals('ty', 'c'), absent('de'));

/** The last member has gone. The caller has read, after the head, that no member is left. */
export function emptyGroup(context: GroupContext, groupId: string, head: GroupHead): Promise<boolean> {
  const update: Update = {
    set: [['ps', letterOf('empty')]],
    setIfAbsent: [['es', context.clock.now()]],
    add: [['ge', 1]],
    remove: ['ro', 'an', 'ld', 'pn'],
  };
  return change(context, groupId, update, asRead(head));
}

/** The group without members takes on the protocol of heartbeats (KIP-848). */
export function leaveClassic(context: GroupContext, groupId: string, head: GroupHead): Promise<boolean> {
  const update: Update = {
    set: [['v', itemVersion]],
    add: [['ge', 1]],
    remove: ['ty', 'ps', 'rd', 'gn', 'ro', 'an', 'ld', 'pt', 'pn', 'dl'],
  };
  return change(context, groupId, update, asRead(head));
}
