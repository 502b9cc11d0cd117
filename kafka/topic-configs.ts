// Configurations of topics and nodes, as replies show them. A value that was not set has its source in the defaults.
import type { ConfigEntry } from '../lib/api/topics.ts';

/** The kinds of things that have configurations. */
export const resourceType = { topic: 2, broker: 4 } as const;

const topicSource = 1;
/** The options of the process. */
const nodeSource = 4;
const defaultSource = 5;

export type ConfigReply = {
  readonly name: string;
  readonly value: string;
  readonly readOnly: boolean;
  readonly configSource: number;
};

export const configReply = ({ name, value, isDefault }: ConfigEntry): ConfigReply => ({
  ...{ name, value, readOnly: false, configSource: isDefault ? defaultSource : topicSource },
});

/** The configurations of a node cannot be changed over the protocol. */
export const nodeConfigReply = (entry: ConfigEntry): ConfigReply => ({
  ...configReply(entry),
  ...{ readOnly: true, configSource: entry.isDefault ? defaultSource : nodeSource },
});
