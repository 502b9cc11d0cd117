// This is the network between a process and the stores. Every call of a port passes here, takes time, and may suffer a
// fault. The stores themselves are the memory adapters, whose calls are single steps.
import type { ObjectStore } from '../../../lib/storage/object-store.ts';
import { StorageError } from '../../../lib/storage/storage-error.ts';
import type { ItemPage, Table } from '../../../lib/storage/table.ts';
import type { FaultKind, FaultPlan } from './faults.ts';
import { withStaleGets } from './past.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import { type Call, nameOf, through } from './through.ts';

export type Network = {
  readonly scheduler: Scheduler;
  readonly random: Random;
  /** Where nothing else is random, names still are. The default draws from `random`. */
  readonly randomBytes?: (count: number) => Uint8Array;
  readonly faults: FaultPlan;
  readonly objects: ObjectStore;
  readonly table: Table;
  /** When it is set, nothing goes wrong any more, and eventual reads are fresh too. */
  isCalm?: boolean;
  /** The greatest age of the state that an eventual read sees. Without it there is no bound. */
  readonly stalestMs?: number;
  /** The share of puts and gets that are sent a second time, because the first copy is slow. The default is none. */
  readonly hedgeRate?: number;
  /** The number of calls so far. */
  calls: number;
  /** If it is there, it collects the numbers of the calls that only read. */
  readonly reads?: Set<number>;
  trace(line: string): void;
  /** Called when something went wrong. `leavesOpen` says whether it may be unknown if an append was committed. */
  disturbed(leavesOpen: boolean): void;
};

/**
 * One life of a process. Once it is over, nothing that the process waits for ever comes. A frozen process continues,
 * but its answers reach no client.
 */
export type Life = { readonly name: string; isOver: boolean; kill(): void; freeze(): void };

const timeoutMs = 1_500;
/** After these faults nothing was done, and the caller knows it. */
const harmless: readonly FaultKind[] = ['throttled', 'conflict'];
const hourMs = 3_600_000;

const readNames = /^(read|query|get|list)\b/;

export function portsOf(network: Network, life: Life): { objects: ObjectStore; table: Table } {
  const { objects, table } = network;
  const send = <T>(what: string, act: () => Promise<T>) => call(network, life, what, act);
  const { random, scheduler, stalestMs = Number.POSITIVE_INFINITY } = network;
  const chance = () => (network.isCalm ? 0 : 0.3);
  const seen = withStaleGets(table, { random, now: scheduler.now, chance, stalestMs });
  return {
    objects: {
      putOnce: (key, chunks) => send(`put ${key}`, () => objects.putOnce(key, chunks)),
      get: (key, range) => send(`get ${key}`, () => objects.get(key, range)),
      list: (request) => send('list', () => objects.list(request)),
      delete: (keys) => send(`delete ${keys.length} objects`, () => objects.delete(keys)),
    },
    table: through(seen, (call, act) => {
      const ask = () => send(nameOf(call), act);
      return isListingOfInline(call) ? unlessEmpty(act, ask) : ask();
    }),
  };
}

const isListingOfInline = (call: Call): boolean => call.kind === 'query' && call.query.pk.startsWith('inline/');

/**
 * A sweep asks 256 table partitions for old inline items. Those that have none answer immediately and suffer no fault.
 * Otherwise most sweeps would end there.
 */
async function unlessEmpty<T>(act: () => Promise<T>, ask: () => Promise<T>): Promise<T> {
  const page = (await act()) as ItemPage;
  return page.items.length === 0 ? (page as T) : ask();
}

async function call<T>(network: Network, life: Life, what: string, act: () => Promise<T>): Promise<T> {
  const { scheduler, random, faults } = network;
  const number = network.calls++;
  if (readNames.test(what)) network.reads?.add(number);
  const fault = faults.faultOf(number);
  // A fault is noted when the call is over, which is before its caller can answer a client, and when a late copy acts.
  const note = (outcome: string) => {
    network.trace(`${life.name} #${number} ${what}${fault ? ` [${fault}]` : ''}: ${outcome}`);
    if (fault) network.disturbed(what.startsWith('update ') && !harmless.includes(fault));
  };
  const wait = (delayMs: number) => new Promise<void>((resolve) => scheduler.after(delayMs, resolve));
  const later = (delayMs: number) =>
    scheduler.after(delayMs, () => {
      note('acts again');
      act().catch(() => {});
    });
  await wait(1 + random.below(20));
  const suffered = await suffer(fault, { act, wait, later, life, random });
  if (life.isOver) return new Promise(() => {});
  if ('error' in suffered) {
    note(suffered.error.reason);
    throw suffered.error;
  }
  await wait(1 + random.below(20));
  if (life.isOver) return new Promise(() => {});
  note('done');
  return suffered.value;
}

type Means<T> = {
  act(): Promise<T>;
  wait(delayMs: number): Promise<void>;
  later(delayMs: number): void;
  life: Life;
  random: Random;
};

async function suffer<T>(
  fault: FaultKind | undefined,
  means: Means<T>,
): Promise<{ value: T } | { error: StorageError }> {
  const { act, wait, later, life, random } = means;
  const hours = () => hourMs * (1 + random.below(30));
  const acted = async (): Promise<{ value: T } | { error: StorageError }> => {
    try {
      return { value: await act() };
    } catch (error) {
      return { error: error as StorageError };
    }
  };
  const silence = async () => {
    await wait(timeoutMs);
    return { error: new StorageError('no-answer', 'simulated') };
  };
  switch (fault) {
    case undefined:
      return acted();
    case 'request lost':
      return silence();
    case 'reply lost':
      await acted();
      return silence();
    case 'acts again soon':
      later(random.below(200));
      return acted();
    case 'acts again late':
      later(random.below(3) * hourMs + random.below(timeoutMs * 2));
      return acted();
    case 'answer of a resend':
      await acted();
      return acted();
    case 'acts late':
      later(timeoutMs + random.below(5_000));
      return silence();
    case 'acts hours late':
      later(hours());
      return silence();
    case 'throttled':
    case 'conflict':
    case 'unavailable':
      return { error: new StorageError(fault, 'simulated') };
    case 'failed but done':
      await acted();
      return { error: new StorageError('unavailable', 'simulated') };
    case 'killed before':
      life.kill();
      return silence();
    case 'killed after':
      await acted();
      life.kill();
      return silence();
    case 'frozen before':
      life.freeze();
      await wait(hours());
      return acted();
    case 'frozen after': {
      const answer = await acted();
      life.freeze();
      await wait(hours());
      return answer;
    }
  }
}
