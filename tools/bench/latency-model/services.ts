// The services of AWS around the memory adapters: every call takes the time that published.ts says. A call acts in the middle of
// its time. An aborted call goes on, as it may in S3.
import type { ObjectStore } from '../../../lib/storage/object-store.ts';
import type { Table } from '../../../lib/storage/table.ts';
import { dynamoDb, httpApi, lambda, type Storage } from './published.ts';
import type { VirtualTime } from './virtual-time.ts';

/** Does the work in the middle of the time. */
async function during<T>({ clock }: VirtualTime, ms: number, work: () => Promise<T>): Promise<T> {
  await clock.sleep(ms / 2);
  try {
    return await work();
  } finally {
    await clock.sleep(ms / 2);
  }
}

export function slowObjects(store: ObjectStore, time: VirtualTime, { put, get, stall }: Storage): ObjectStore {
  return {
    ...store,
    putOnce: (key, chunks) => during(time, time.draw(put) + time.drawStall(stall), () => store.putOnce(key, chunks)),
    get: (key, range) => during(time, time.draw(get) + time.drawStall(stall), () => store.get(key, range)),
  };
}

export function slowTable(table: Table, time: VirtualTime): Table {
  const { read, write, transact } = dynamoDb;
  return {
    get: (key, options) => during(time, time.draw(read), () => table.get(key, options)),
    getMany: (keys, options) => during(time, time.draw(read), () => table.getMany(keys, options)),
    query: (query) => during(time, time.draw(read), () => table.query(query)),
    write: (one, options) => during(time, time.draw(write), () => table.write(one, options)),
    transact: (actions, token) => during(time, time.draw(transact), () => table.transact(actions, token)),
  };
}

/** A function behind the HTTP API. */
export type LambdaFunction<Environment> = {
  call<T>(work: (environment: Environment, isCold: boolean) => Promise<T>): Promise<T>;
};

/**
 * An environment serves one request at a time. A request that finds none idle waits until a new one has started. The one that
 * was idle for the shortest time is taken first, so that the others can go.
 */
export function newFunction<Environment>(
  time: VirtualTime,
  newEnvironment: () => Environment,
): LambdaFunction<Environment> {
  let idle: { readonly environment: Environment; readonly sinceMs: number }[] = [];
  const environmentFor = async () => {
    idle = idle.filter(({ sinceMs }) => time.clock.monotonic() - sinceMs < lambda.keptMs);
    const warm = idle.pop();
    if (warm) return { environment: warm.environment, isCold: false };
    await time.clock.sleep(time.draw(lambda.cold));
    return { environment: newEnvironment(), isCold: true };
  };
  return {
    call: (work) =>
      during(time, time.draw(httpApi), async () => {
        const { environment, isCold } = await environmentFor();
        const value = await during(time, time.draw(lambda.warm), () => work(environment, isCold));
        idle.push({ environment, sinceMs: time.clock.monotonic() });
        return value;
      }),
  };
}
