// DescribeClientQuotas (48). There are none.
//
// Versions 0 to 1. Deviation: what is asked for is not looked at, because nothing could match it.
import { defineApi } from '../api.ts';
import { code } from '../errors.ts';

type Request = { readonly strict: boolean };

type Reply = { readonly errorCode: number; readonly errorMessage: null; readonly entries: readonly never[] };

export const describeClientQuotas = defineApi<Request, Reply>({
  key: 48,
  versions: [0, 1],
  overlaps: true,
  answer: async () => ({ errorCode: code.none, errorMessage: null, entries: [] }),
});
