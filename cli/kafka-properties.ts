// The flags --producer-property and --consumer-property: Kafka's properties, as the SDK reads them. A property without an effect
// gets a note on standard error.
import type { Command } from 'commander';
import type { RivuletClientError } from '../client/client-error.ts';
import type { ConsumerOptions } from '../client/consumer/consumer-options.ts';
import { reading, showing } from '../client/deserializers.ts';
import type { ProducerOptions } from '../client/producer/producer-options.ts';
import {
  type ConnectionOptions,
  consumerFromProperties,
  consumerPropertyNames,
  type FromProperties,
  type KafkaProperties,
  producerFromProperties,
  producerPropertyNames,
} from '../client/properties.ts';
import type { Properties } from './options.ts';

/** The properties that say how members of a group behave. Without a group, nothing would come of them. */
const groupProperties = [
  ...['group.instance.id', 'group.remote.assignor', 'partition.assignment.strategy', 'session.timeout.ms'],
  ...['heartbeat.interval.ms', 'max.poll.interval.ms', 'enable.auto.commit', 'auto.commit.interval.ms'],
  'auto.offset.reset',
];

type Settings<Options> = { readonly options: Options; readonly connection: ConnectionOptions };

export function producerSettings(command: Command, properties: Properties = {}): Settings<ProducerOptions> {
  const read = (own: KafkaProperties) => producerFromProperties<unknown, unknown>(own);
  const { options, connection } = propertiesOf(command, '--producer-property', properties, read);
  return { options: reading(options), connection };
}

export function consumerSettings(
  command: Command,
  properties: Properties = {},
  group: string | undefined,
): Settings<ConsumerOptions> {
  const ofGroup = Object.keys(properties).find((name) => groupProperties.includes(name));
  if (ofGroup !== undefined && group === undefined)
    return command.error(`rivulet: --consumer-property ${ofGroup} needs --group`);
  const read = (own: KafkaProperties) => consumerFromProperties<unknown, unknown>(own);
  const { options, connection } = propertiesOf(command, '--consumer-property', properties, read);
  return { options: showing(options), connection };
}

/** Makes a producer or a consumer. An option that it refuses is a wrong use of the flag, and is named as it was typed. */
export function made<T>(command: Command, flag: '--producer-property' | '--consumer-property', make: () => T): T {
  try {
    return make();
  } catch (error) {
    const names = flag === '--producer-property' ? producerPropertyNames : consumerPropertyNames;
    return command.error(`rivulet: ${flag} ${inKafkasWords((error as RivuletClientError).detail, names)}`);
  }
}

/** Names each property as it was typed: `heartbeat.interval.ms` for `heartbeatIntervalMs`. */
function inKafkasWords(message: string, names: readonly string[]): string {
  const dotless = (name: string) => name.replace(/\.(\w)/g, (_, letter: string) => letter.toUpperCase());
  return names.reduce((text, name) => text.replaceAll(dotless(name), name), message);
}

/** Properties that a command has an option for, whose checks and messages are about that option. */
const ownOptions: Readonly<Record<string, string>> = {
  'group.id': '--group',
  'transactional.id': '--transactional-id',
};

function propertiesOf<Options>(
  command: Command,
  flag: string,
  properties: Properties,
  read: (properties: KafkaProperties) => FromProperties<Options>,
): FromProperties<Options> {
  const own = Object.keys(properties).find((name) => Object.hasOwn(ownOptions, name));
  if (own !== undefined) return command.error(`rivulet: ${flag} ${own}: give ${ownOptions[own]} instead`);
  const codec = properties['compression.type'];
  if (codec !== undefined && command.getOptionValueSource('compressionCodec') === 'cli')
    return command.error(`rivulet: --compression-codec and ${flag} compression.type=${codec} exclude each other`);
  try {
    const found = read(properties);
    for (const note of found.notes) console.error(`rivulet: note: ${flag} ${note}`);
    return found;
  } catch (error) {
    return command.error(`rivulet: ${flag} ${(error as RivuletClientError).detail}`);
  }
}
