// DescribeCluster (60). Lists the nodes.
//
// Versions 0 to 1. There is one node, and it is no controller's endpoint.
import { defineApi } from '../api.ts';
import { code } from '../errors.ts';

type Request = { readonly endpointType: number };

type Reply = {
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly endpointType?: number;
  readonly clusterId: string;
  readonly controllerId: number;
  readonly brokers: readonly { readonly brokerId: number; readonly host: string; readonly port: number }[];
};

const brokers = 1;
const controllers = 2;

export const describeCluster = defineApi<Request, Reply>({
  key: 60,
  versions: [0, 1],
  overlaps: true,
  async answer({ cluster }, { endpointType }) {
    const { clusterId, node } = cluster;
    if (endpointType !== brokers) {
      const errorCode = endpointType === controllers ? code.mismatchedEndpointType : code.unsupportedEndpointType;
      const errorMessage = `endpoint type: expected ${brokers}, the brokers, got ${endpointType}`;
      return { errorCode, errorMessage, endpointType, clusterId: '', controllerId: -1, brokers: [] };
    }
    const { nodeId, host, port } = node;
    const broker = { brokerId: nodeId, host, port };
    return { errorCode: code.none, errorMessage: null, clusterId, controllerId: nodeId, brokers: [broker] };
  },
});
