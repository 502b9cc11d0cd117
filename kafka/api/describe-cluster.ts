// DescribeCluster (60). Lists the nodes.
//
// Versions 0 to 1. No node is a controller's endpoint.
import { defineApi } from '../api.ts';
import { controllerOf } from '../cluster.ts';
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

const brokerType = 1;
const controllerType = 2;

export const describeCluster = defineApi<Request, Reply>({
  key: 60,
  versions: [0, 1],
  overlaps: true,
  async answer({ cluster }, { endpointType }) {
    const { clusterId, nodes } = cluster;
    if (endpointType !== brokerType) {
      const errorCode = endpointType === controllerType ? code.mismatchedEndpointType : code.unsupportedEndpointType;
      const errorMessage = `endpoint type: expected ${brokerType}, the brokers, got ${endpointType}`;
      return { errorCode, errorMessage, endpointType, clusterId: '', controllerId: -1, brokers: [] };
    }
    const brokers = nodes.map(({ nodeId, host, port }) => ({ brokerId: nodeId, host, port }));
    return { errorCode: code.none, errorMessage: null, clusterId, controllerId: controllerOf(cluster).nodeId, brokers };
  },
});
