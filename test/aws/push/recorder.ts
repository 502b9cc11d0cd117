// The other end of the handlers in handlers/: it keeps what they were called with, and tells them what to do.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { eventually } from '../../eventually.ts';
import type { Told } from './handlers/told.ts';

type RecordOfEvent = {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly value: string;
};
export type EventOfKafka = { readonly records: Readonly<Record<string, readonly RecordOfEvent[]>> };
type Call = { readonly body: unknown; readonly atMs: number };

export const recordsOf = ({ records }: EventOfKafka): readonly RecordOfEvent[] => Object.values(records).flat();
export const valuesOf = (event: EventOfKafka): string[] =>
  recordsOf(event).map(({ value }) => Buffer.from(value, 'base64').toString());

export async function startRecorder() {
  const calls = new Map<string, Call[]>();
  const tell = new Map<string, (event: EventOfKafka, attempt: number) => Told>();
  const callsOf = (name: string): readonly Call[] => calls.get(name) ?? [];
  const server = createServer(async (request, response) => {
    const name = request.url!.slice(1);
    const body = await json(request);
    const { topic } = 'records' in (body as object) ? (recordsOf(body as EventOfKafka)[0] ?? {}) : {};
    const key = topic === undefined ? name : `${name}/${topic}`;
    calls.set(key, [...callsOf(key), { body, atMs: Date.now() }]);
    response.end(JSON.stringify(tell.get(key)?.(body as EventOfKafka, callsOf(key).length) ?? {}));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** The events of a function that came from a topic. */
    eventsOf: (name: string, topic: string) => callsOf(`${name}/${topic}`).map(({ body }) => body as EventOfKafka),
    timesOf: (name: string, topic: string) => callsOf(`${name}/${topic}`).map(({ atMs }) => atMs),
    /** The words of a handler that reads the events itself. */
    saidBy: (name: string) => callsOf(name).flatMap(({ body }) => body as object[]),
    /** Says what the function does with its events of the topic. The attempts are counted from 1. */
    tell: (name: string, topic: string, what: (event: EventOfKafka, attempt: number) => Told) =>
      void tell.set(`${name}/${topic}`, what),
    until: (holds: () => boolean) => eventually(holds),
    close: () => server.close(),
  };
}

export type Recorder = Awaited<ReturnType<typeof startRecorder>>;
