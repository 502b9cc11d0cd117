// For an engine that delivers nothing: the one behind a gateway of Kafka's protocol, or of a test.
import type { PushPorts } from '../api/push.ts';
import { refused } from '../api/refusal.ts';

const nothing = () => refused('POLICY_VIOLATION', 'this service delivers to no functions and no webhooks');
const refuse = async (): Promise<never> => {
  throw nothing();
};

export const noTargets: PushPorts = {
  targets: {
    check: refuse,
    open: () => ({ deliver: refuse }),
    bytesOf: () => 0,
    filter: () => () => true,
    sendToQueue: refuse,
  },
  invoke: refuse,
};
