// This file counts the calls that an engine makes on its ports.
import type { ObjectStore } from '../../lib/storage/object-store.ts';
import type { Table } from '../../lib/storage/table.ts';

export type Calls = {
  get: number;
  getMany: number;
  query: number;
  write: number;
  transact: number;
  putOnce: number;
  getObject: number;
};

const none = (): Calls => ({ get: 0, getMany: 0, query: 0, write: 0, transact: 0, putOnce: 0, getObject: 0 });

export function countsOf({ objects, table }: { objects: ObjectStore; table: Table }) {
  const calls = none();
  const count = <A extends unknown[], R>(name: keyof Calls, call: (...args: A) => R) => {
    return (...args: A): R => {
      calls[name]++;
      return call(...args);
    };
  };
  const ports: { objects: ObjectStore; table: Table } = {
    table: {
      get: count('get', table.get),
      getMany: count('getMany', table.getMany),
      query: count('query', table.query),
      write: count('write', table.write),
      transact: count('transact', table.transact),
    },
    objects: { ...objects, putOnce: count('putOnce', objects.putOnce), get: count('getObject', objects.get) },
  };
  return { calls, ports, reset: () => Object.assign(calls, none()) };
}
