// The batch that `eachBatch` gets.
import type { MessageBatch } from '../consumer/handlers.ts';
import type { KafkaMessage } from './messages.ts';

export class Batch {
  readonly topic: string;
  readonly partition: number;
  /** The next offset to be written, as it was when the batch was fetched. */
  readonly highWatermark: string;
  readonly messages: readonly KafkaMessage[];

  constructor({ topic, partition, highWatermark }: MessageBatch, messages: readonly KafkaMessage[]) {
    this.topic = topic;
    this.partition = partition;
    this.highWatermark = String(highWatermark);
    this.messages = messages;
  }

  isEmpty(): boolean {
    return this.messages.length === 0;
  }

  firstOffset(): string | null {
    return this.messages[0]?.offset ?? null;
  }

  lastOffset(): string {
    return this.messages.at(-1)?.offset ?? String(Number(this.highWatermark) - 1);
  }

  /** How many messages lie behind the last one of this batch. */
  offsetLag(): string {
    return lagBehind(this.lastOffset(), this.highWatermark);
  }

  /** How many messages lie behind the first one of this batch. */
  offsetLagLow(): string {
    return this.isEmpty() ? '0' : lagBehind(this.firstOffset()!, this.highWatermark);
  }
}

const lagBehind = (offset: string, highWatermark: string): string =>
  String(Math.max(0, Number(highWatermark) - 1 - Number(offset)));
