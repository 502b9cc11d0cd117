// The flags --producer-property and --consumer-property: Kafka's properties, as the SDK reads them. A property without an effect
// gets a note on standard error.
import type { Command } from 'commander';
import type { RivuletClientError } from '../client/client-error.ts';
import type { FromProperties, KafkaProperties } from '../client/properties.ts';
import type { Properties } from './options.ts';

/** Properties that a command has an option for, whose checks and messages are about that option. */
const ownOptions: Readonly<Record<string, string>> = {
  'group.id': '--group',
  'transactional.id': '--transactional-id',
};

export function propertiesOf<Options>(
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
