// The events of `consumer.on(consumer.events.GROUP_JOIN, listener)`. A listener that throws disturbs nothing: the error is logged.
import type { Logger } from './logger.ts';

export type InstrumentationEvent = {
  readonly id: number;
  readonly type: string;
  /** Epoch milliseconds. */
  readonly timestamp: number;
  readonly payload: Readonly<Record<string, unknown>> | null;
};

export type Listener = (event: InstrumentationEvent) => void;

const common = { CONNECT: 'connect', DISCONNECT: 'disconnect' } as const;
/** Programs may listen for these, but they tell of connections to brokers, of which there are none. */
const silent = {
  ...{ REQUEST: 'network.request', REQUEST_TIMEOUT: 'network.request_timeout' },
  ...{ REQUEST_QUEUE_SIZE: 'network.request_queue_size' },
} as const;

const named = <Names extends Readonly<Record<string, string>>>(owner: string, names: Names) =>
  Object.fromEntries(Object.entries(names).map(([key, name]) => [key, `${owner}.${name}`])) as {
    readonly [Key in keyof Names]: string;
  };

export const producerEvents = named('producer', { ...common, ...silent });
export const adminEvents = named('admin', { ...common, ...silent });
export const consumerEvents = named('consumer', {
  ...common,
  ...silent,
  ...{ GROUP_JOIN: 'group_join', REBALANCING: 'rebalancing', STOP: 'stop', CRASH: 'crash', HEARTBEAT: 'heartbeat' },
  ...{ COMMIT_OFFSETS: 'commit_offsets', FETCH_START: 'fetch_start', FETCH: 'fetch' },
  ...{ START_BATCH_PROCESS: 'start_batch_process', END_BATCH_PROCESS: 'end_batch_process' },
  ...{ RECEIVED_UNSUBSCRIBED_TOPICS: 'received_unsubscribed_topics' },
});

export class Events {
  readonly #listeners: ReadonlyMap<string, Set<Listener>>;
  readonly #logger: Logger;
  #emitted = 0;

  constructor(known: Readonly<Record<string, string>>, logger: Logger) {
    this.#listeners = new Map(Object.values(known).map((type) => [type, new Set()]));
    this.#logger = logger;
  }

  /** @returns a function that removes the listener. Throws if there is no such event. */
  on(type: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(type);
    if (!listeners) throw new Error(`Event name should be one of ${[...this.#listeners.keys()].join(', ')}`);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  emit(type: string, payload: InstrumentationEvent['payload'] = null): void {
    const event = { id: this.#emitted++, type, timestamp: Date.now(), payload };
    for (const listener of [...(this.#listeners.get(type) ?? [])]) this.#tell(listener, event);
  }

  #tell(listener: Listener, event: InstrumentationEvent): void {
    try {
      listener(event);
    } catch (error) {
      this.#logger.error(`a listener for ${event.type} has thrown: ${String(error)}`);
    }
  }
}
