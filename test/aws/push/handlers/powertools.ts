// A handler with the Kafka consumer of Powertools, as its guide shows it.
import { kafkaConsumer } from '@aws-lambda-powertools/kafka';
import type { ConsumerRecords, SchemaConfig } from '@aws-lambda-powertools/kafka/types';

const schema = { value: { type: 'json' } } satisfies SchemaConfig;

async function onDrinks({ records }: ConsumerRecords<unknown, { drink: string }>): Promise<void> {
  const read = records.map(({ key, value, headers }) => ({ key, value, headers: headers?.length }));
  await fetch(`${process.env.RECORDER}/push-powertools`, { method: 'POST', body: JSON.stringify(read) });
}

/** The types of Lambda's events, which this repository does not have, would say what a handler is. */
export const handler = kafkaConsumer(onDrinks as never, schema);
