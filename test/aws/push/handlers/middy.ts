// A plain handler with middy, as somebody would write it for Lambda's own Kafka source.
import middy from '@middy/core';

type KafkaEvent = {
  readonly records: Readonly<Record<string, readonly { readonly offset: number; readonly value: string }[]>>;
};

export const handler = middy(async ({ records }: KafkaEvent) => {
  const read = Object.entries(records).flatMap(([partition, all]) =>
    all.map(({ offset, value }) => ({ partition, offset, value: Buffer.from(value, 'base64').toString() })),
  );
  await fetch(`${process.env.RECORDER}/push-middy`, { method: 'POST', body: JSON.stringify(read) });
});
