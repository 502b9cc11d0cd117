// The questions that the pages ask, as options of TanStack Query: one function for each, with the key of its cache. A page that
// is live passes `everyMs`.
import { queryOptions } from '@tanstack/react-query';
import type { SubscriptionRef } from '../../lib/api/push.ts';
import { nameService } from './command-lines.ts';
import { admin, connection } from './service.ts';

type Live = { readonly everyMs?: number };

const live = ({ everyMs }: Live) => (everyMs === undefined ? {} : { refetchInterval: everyMs });

type Health = { readonly status: string; readonly version: string };

export const health = (options: Live = {}) =>
  queryOptions({
    queryKey: ['health'],
    queryFn: () => connection.ask<Health>({ method: 'GET', path: '/v1/health', writes: false }),
    ...live(options),
  });

/** The service that this console is connected to. The console's own server answers this. */
export type Connected = { readonly url: string; readonly region: string; readonly identity: string };

export const connected = () =>
  queryOptions({
    queryKey: ['connected'],
    queryFn: async () => {
      const found = await connection.ask<Connected>({ method: 'GET', path: '/connected', writes: false });
      nameService(found.url);
      return found;
    },
    staleTime: Number.POSITIVE_INFINITY,
  });

export const topics = (options: Live = {}) =>
  queryOptions({ queryKey: ['topics'], queryFn: () => admin.listTopics(), ...live(options) });

/** With the offsets and bytes of every partition. With `storage`, also with what maintenance has made of each. */
export const topic = (name: string, { storage = false, ...options }: Live & { readonly storage?: boolean } = {}) =>
  queryOptions({
    queryKey: ['topic', name, { storage }],
    queryFn: () => admin.describeTopic(name, { storage }),
    ...live(options),
  });

export const groups = (options: Live = {}) =>
  queryOptions({ queryKey: ['groups'], queryFn: () => admin.listGroups(), ...live(options) });

/** With its members, and the lag of every partition. */
export const group = (groupId: string, options: Live = {}) =>
  queryOptions({
    queryKey: ['group', groupId],
    queryFn: async () => (await admin.describeGroups([groupId]))[0]!,
    ...live(options),
  });

export const transactions = (options: Live = {}) =>
  queryOptions({ queryKey: ['transactions'], queryFn: () => admin.listTransactions(), ...live(options) });

/** With the partitions in which it has staged records. */
export const transaction = (id: string) =>
  queryOptions({ queryKey: ['transactions', id], queryFn: async () => (await admin.describeTransactions([id]))[0]! });

export const subscriptions = (options: Live = {}) =>
  queryOptions({ queryKey: ['subscriptions'], queryFn: () => admin.listSubscriptions(), ...live(options) });

/** With its settings, and with the lag and the failing batch of every partition. */
export const subscription = ({ topic, groupId }: SubscriptionRef, options: Live = {}) =>
  queryOptions({
    queryKey: ['subscriptions', topic, groupId],
    queryFn: () => admin.describeSubscription({ topic, groupId }),
    ...live(options),
  });

/** One page of the stored pieces of a partition. */
export const segments = (request: { topic: string; partition: number; from?: number; limit?: number }) =>
  queryOptions({ queryKey: ['segments', request], queryFn: () => admin.listSegments(request) });
