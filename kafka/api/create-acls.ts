// CreateAcls (30). ACLs cannot be created: SECURITY_DISABLED for each.
//
// Versions 1 to 3.
import { noAcls } from '../acls.ts';
import { defineApi } from '../api.ts';

type Request = { readonly creations: readonly { readonly resourceName: string }[] };

type Reply = { readonly results: readonly { readonly errorCode: number; readonly errorMessage: string }[] };

export const createAcls = defineApi<Request, Reply>({
  key: 30,
  versions: [1, 3],
  overlaps: true,
  answer: async (_, { creations }) => ({ results: creations.map(() => noAcls) }),
});
