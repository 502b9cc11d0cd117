// The note of a failing batch of a subscription. It stands in the offsets item of its partition, where a member's commit has
// its metadata, so that one write commits and notes. The batch begins at the committed offset.
//
//   e end   n attempts   f first failure ms   t next try ms   x error
//   o end of the batch that was split   k 1: each attempt ended with its run   g given up: r its records, b its bytes
//
// In its place `t` alone says until when a batch waits for more records. Nothing has failed then.
import type { FailureNote } from '../../api/push.ts';

/** 0 stands for the end of the first record batch: a run that died left no other trace of what it had read. */
export const endOfFirstBatch = 0;

export type Note = FailureNote & {
  /** The batch was split. The rest of it, up to here, is tried apart from what follows. */
  readonly outerEnd?: number;
  /** Every attempt ended with its run: perhaps the records cannot even be read. */
  readonly isFatal?: boolean;
  /** Nothing more is tried: the records, or the bytes of their batches, become dead letters. */
  readonly givenUp?: 'records' | 'bytes';
};

/** Sixteen partitions share an item, and a write is billed by the size of the item. */
const errorLength = 150;

const shortened = (error: string): string =>
  error.length <= errorLength ? error : `${error.slice(0, errorLength - 3).toWellFormed()}...`;

/** The run has ended. A scheduled one delivers at this time what is there then. */
export type Window = { readonly windowUntilMs: number };

export const windowText = ({ windowUntilMs }: Window): string => JSON.stringify({ t: windowUntilMs });

export function noteText({ endOffset, attempts, firstFailureMs, nextTryMs, error, ...rest }: Note): string {
  const { outerEnd, isFatal, givenUp } = rest;
  return JSON.stringify({
    ...{ e: endOffset, n: attempts, f: firstFailureMs, t: nextTryMs, x: shortened(error) },
    ...(outerEnd !== undefined && { o: outerEnd }),
    ...(isFatal && { k: 1 }),
    ...(givenUp && { g: givenUp === 'records' ? 'r' : 'b' }),
  });
}

type Stored = { e?: number; n: number; f: number; t: number; x: string; o?: number; k?: 1; g?: 'r' | 'b' };

export function parseNote(text: string): { readonly note: Note } | Window {
  const { e, n, f, t, x, o, k, g } = JSON.parse(text) as Stored;
  if (e === undefined) return { windowUntilMs: t };
  const note = {
    ...{ endOffset: e, attempts: n, firstFailureMs: f, nextTryMs: t, error: x },
    ...(o !== undefined && { outerEnd: o }),
    ...(k === 1 && { isFatal: true }),
    ...(g && { givenUp: g === 'r' ? ('records' as const) : ('bytes' as const) }),
  };
  return { note };
}

export const failureOf = ({ endOffset, attempts, firstFailureMs, nextTryMs, error }: Note): FailureNote => ({
  ...{ endOffset, attempts, firstFailureMs, nextTryMs, error },
});
