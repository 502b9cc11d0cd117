// The head of a group records its epochs, the name of the installed target, and what that target was computed from. It
// is a plan, not the truth: the offsets items record which member owns a partition.
//
//   v version   ge group epoch: grows with every change   ae assignment epoch: of the installed target, at most ge
//   tn nonce of the target (absent: the empty target)   as assignor   dg digest of its topics   ca catalogue version
//   cr created ms   es ms since when there are no members   ex 1: about to expire, unless a commit comes
//   de 1: deleted; kept for a while, so that epochs go on
//   su random id of the subscription, whose runs do the work of members   sp while nothing is delivered: c its creation
//   is unfinished, or p and a reason   sn number of its pauses and resumptions   sr revision of its settings, above 1
//
// The head of a group of the classic protocol has version 2, so that older readers refuse it. It has besides:
//   ty c   ps phase: e p c f s   rd round: the epoch that opened it   gn generation: the last completed round
//   ro nonce of the roster   an nonce of the assignment   ld leader   pt protocol type   pn protocol   dl deadline ms
import type { Assignor } from '../../api/groups.ts';
import type { SubscriptionState } from '../../api/push.ts';
import { checkVersion, groupHeadKey, itemVersion } from '../../storage/keys.ts';
import type { Item } from '../../storage/table.ts';

/** Readers before this version do not know the classic protocol. */
export const classicHeadVersion = 2;

export const phases = { e: 'empty', p: 'preparing', c: 'completing', f: 'fencing', s: 'stable' } as const;
export type Phase = (typeof phases)[keyof typeof phases];

/** The subscription of a group. A group with one has no members. */
export type HeadSubscription = {
  readonly id: string;
  /** The head does not know whether the topic is still there. */
  readonly state: Exclude<SubscriptionState, 'TopicDeleted'>;
  readonly pausedReason?: string;
  /** The number of its pauses and resumptions. */
  readonly changes: number;
  /** That of its settings, which have an item of their own. */
  readonly settingsRevision: number;
};

/** Where a group of the classic protocol is in its rounds. */
export type ClassicState = {
  readonly phase: Phase;
  readonly round: number;
  /** 0 before the first round is complete. */
  readonly generation: number;
  readonly roster: string | undefined;
  readonly assignment: string | undefined;
  readonly leader: string | undefined;
  readonly protocolType: string;
  readonly protocol: string | undefined;
  readonly deadlineMs: number;
};

export type GroupHead = {
  readonly groupEpoch: number;
  readonly assignmentEpoch: number;
  readonly nonce: string | undefined;
  readonly assignor: Assignor;
  readonly digest: string;
  readonly catalogue: number;
  readonly createdMs: number;
  /** Undefined while there are members. */
  readonly emptySinceMs: number | undefined;
  readonly isExpiring: boolean;
  readonly isDeleted: boolean;
  /** Undefined if members keep the group by heartbeats alone (KIP-848). */
  readonly classic: ClassicState | undefined;
  /** Undefined if the group has members, or may have. */
  readonly subscription: HeadSubscription | undefined;
};

export function parseGroupHead(item: Item): GroupHead {
  checkVersion(item, 'group', classicHeadVersion);
  return {
    groupEpoch: item.ge as number,
    assignmentEpoch: item.ae as number,
    nonce: item.tn as string | undefined,
    assignor: (item.as as Assignor | undefined) ?? 'uniform',
    digest: (item.dg as string | undefined) ?? '',
    catalogue: (item.ca as number | undefined) ?? 0,
    createdMs: item.cr as number,
    emptySinceMs: item.es as number | undefined,
    isExpiring: item.ex !== undefined,
    isDeleted: item.de !== undefined,
    classic: item.ty === undefined ? undefined : parseClassic(item),
    subscription: item.su === undefined ? undefined : parseSubscription(item),
  };
}

export const creating = 'c';
export const pausedFor = (reason: string): string => `p${reason}`;

function parseSubscription({ su, sp, sn, sr }: Item): HeadSubscription {
  const [changes, settingsRevision] = [(sn as number | undefined) ?? 0, (sr as number | undefined) ?? 1];
  const base = { id: su as string, changes, settingsRevision };
  if (sp === undefined) return { ...base, state: 'Enabled' };
  const text = sp as string;
  return text === creating ? { ...base, state: 'Creating' } : { ...base, state: 'Paused', pausedReason: text.slice(1) };
}

const parseClassic = (item: Item): ClassicState => ({
  phase: phases[item.ps as keyof typeof phases],
  round: item.rd as number,
  generation: item.gn as number,
  roster: item.ro as string | undefined,
  assignment: item.an as string | undefined,
  leader: item.ld as string | undefined,
  protocolType: item.pt as string,
  protocol: item.pn as string | undefined,
  deadlineMs: item.dl as number,
});

/** When the rest of a deleted group may go: after a longer time than any write can still be on its way. */
export const ttlOfDeleted = (nowMs: number): number => Math.ceil((nowMs + 7 * 86_400_000) / 1000);

export const newGroupHead = (groupId: string, nowMs: number): Item => ({
  ...groupHeadKey(groupId),
  v: itemVersion,
  ge: 1,
  ae: 1,
  cr: nowMs,
  es: nowMs,
});
