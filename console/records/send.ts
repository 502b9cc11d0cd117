// Writes records through the SDK's producer, which makes one for the page when it is needed first.
import type { Message } from '../../client/message.ts';
import { Producer } from '../../client/producer/producer.ts';
import { createTopicMetadataCache } from '../../client/producer/topic-metadata.ts';
import type { RecordMetadata } from '../../client/record-metadata.ts';
import { clock, connection, requestTimeoutMs, retry } from '../data/service.ts';

let made: Producer | undefined;

function producer(): Producer {
  made ??= new Producer({
    ...{ connection, clock, retry, requestTimeoutMs },
    metadata: createTopicMetadataCache(connection, clock, retry),
  });
  return made;
}

/** Resolves with the place of each record, in their order. */
export const send = (topic: string, messages: readonly Message[]): Promise<readonly RecordMetadata[]> =>
  producer().send({ topic, messages });

export const sendOne = (topic: string, message: Message): Promise<readonly RecordMetadata[]> => send(topic, [message]);
