// ListPartitionReassignments (46). There are none: no partition ever moves.
//
// Version 0.
import { defineApi } from '../api.ts';
import { code } from '../errors.ts';

type Request = { readonly timeoutMs: number };

type Reply = { readonly errorCode: number; readonly errorMessage: string | null; readonly topics: readonly never[] };

export const listPartitionReassignments = defineApi<Request, Reply>({
  key: 46,
  versions: [0, 0],
  overlaps: true,
  answer: async () => ({ errorCode: code.none, errorMessage: null, topics: [] }),
});
