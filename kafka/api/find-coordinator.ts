// FindCoordinator (10). Says which node coordinates a group or a transactional id.
//
// Versions 0 to 5, of which 4 and later ask for several at a time. Deviation: any node serves any group, because all state is
// in the engine's storage. Share groups (type 2) do not exist.
import { defineApi } from '../api.ts';
import { coordinatorOf, type Node } from '../cluster.ts';
import { code } from '../errors.ts';

type Request = { readonly key: string; readonly keyType: number; readonly coordinatorKeys: readonly string[] };

type Found = Node & { readonly errorCode: number; readonly errorMessage: string | null };

type Reply = {
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
  readonly coordinators: readonly (Found & { readonly key: string })[];
};

const groupsAndTransactions = [0, 1];

export const findCoordinator = defineApi<Request, Reply>({
  key: 10,
  versions: [0, 5],
  overlaps: true,
  async answer({ cluster }, { key, keyType, coordinatorKeys }) {
    const isKnown = groupsAndTransactions.includes(keyType);
    const find = (name: string): Found =>
      isKnown
        ? { ...coordinatorOf(cluster, name), errorCode: code.none, errorMessage: null }
        : { ...nowhere, errorCode: code.invalidRequest, errorMessage: `key type: expected 0 or 1, got ${keyType}` };
    return { ...find(key), coordinators: coordinatorKeys.map((each) => ({ key: each, ...find(each) })) };
  },
});

const nowhere: Node = { nodeId: -1, host: '', port: -1 };
