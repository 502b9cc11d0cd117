// DeleteAcls (31). There are no ACLs to delete: SECURITY_DISABLED for each filter.
//
// Versions 1 to 3.
import { noAcls } from '../acls.ts';
import { defineApi } from '../api.ts';

type Request = { readonly filters: readonly { readonly operation: number }[] };

type Reply = { readonly filterResults: readonly FilterReply[] };

type FilterReply = {
  readonly errorCode: number;
  readonly errorMessage: string;
  readonly matchingAcls: readonly never[];
};

export const deleteAcls = defineApi<Request, Reply>({
  key: 31,
  versions: [1, 3],
  overlaps: true,
  answer: async (_, { filters }) => ({ filterResults: filters.map(() => ({ ...noAcls, matchingAcls: [] })) }),
});
