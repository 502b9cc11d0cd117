// DescribeAcls (29). There are no ACLs to describe: SECURITY_DISABLED.
//
// Versions 1 to 3.
import { noAcls } from '../acls.ts';
import { defineApi } from '../api.ts';

type Request = { readonly operation: number };

type Reply = { readonly errorCode: number; readonly errorMessage: string; readonly resources: readonly never[] };

export const describeAcls = defineApi<Request, Reply>({
  key: 29,
  versions: [1, 3],
  overlaps: true,
  answer: async () => ({ ...noAcls, resources: [] }),
});
