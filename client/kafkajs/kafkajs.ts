// The entry `rivulet/kafkajs`: what `kafkajs` exports, over Rivulet's HTTP API.
//
//   import { Kafka } from 'rivulet/kafkajs';
//   const kafka = new Kafka({ clientId: 'shop', brokers: ['http://127.0.0.1:9292'] });
export { Admin } from './admin.ts';
export { Batch } from './batch.ts';
export * from './constants.ts';
export { Consumer } from './consumer.ts';
export type * from './consumer-config.ts';
export * from './errors.ts';
export type { InstrumentationEvent } from './events.ts';
export { Kafka, type KafkaConfig } from './kafka.ts';
export type { LogCreator, LogEntry, Logger } from './logger.ts';
export type { IHeaders, KafkaJsMessage as Message, KafkaMessage, RecordMetadata } from './messages.ts';
export { type PartitionerArgs, Partitioners } from './partitioners.ts';
export { Producer, type ProducerBatch, type ProducerConfig, type ProducerRecord, Transaction } from './producer.ts';
