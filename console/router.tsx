// The pages with their addresses. To add a page: write a file in pages/ that exports `Page`, add a route here, and, if it has
// a place of its own in the navigation, a line in navigation.ts. A page that keeps filters in the URL exports how they are
// read in a file of its own (like records/search.ts), so that this file loads no page before it is opened.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router';
import { liveSearch } from './data/live-search.ts';
import { storageSearch } from './data/storage-search.ts';
import { Frame } from './frame.tsx';
import { Problem } from './parts/problem.tsx';
import { messageSearch, produceSearch } from './records/search.ts';

const root = createRootRoute({ component: Frame });
const page = { getParentRoute: () => root };

const topic = createRoute({
  ...page,
  path: '/topics/$topic',
  component: lazyRouteComponent(() => import('./pages/topic.tsx'), 'Page'),
});
const tab = { getParentRoute: () => topic };

const routeTree = root.addChildren([
  createRoute({ ...page, path: '/', component: lazyRouteComponent(() => import('./pages/overview.tsx'), 'Page') }),
  createRoute({ ...page, path: '/topics', component: lazyRouteComponent(() => import('./pages/topics.tsx'), 'Page') }),
  topic.addChildren([
    createRoute({
      ...tab,
      path: '/',
      validateSearch: messageSearch,
      component: lazyRouteComponent(() => import('./pages/messages.tsx'), 'Page'),
    }),
    createRoute({
      ...tab,
      path: 'partitions',
      component: lazyRouteComponent(() => import('./pages/partitions.tsx'), 'Page'),
    }),
    createRoute({
      ...tab,
      path: 'storage',
      validateSearch: storageSearch,
      component: lazyRouteComponent(() => import('./pages/storage.tsx'), 'Page'),
    }),
    createRoute({
      ...tab,
      path: 'configuration',
      component: lazyRouteComponent(() => import('./pages/configuration.tsx'), 'Page'),
    }),
    createRoute({
      ...tab,
      path: 'produce',
      validateSearch: produceSearch,
      component: lazyRouteComponent(() => import('./pages/produce.tsx'), 'Page'),
    }),
  ]),
  createRoute({
    ...page,
    path: '/transactions',
    validateSearch: liveSearch,
    component: lazyRouteComponent(() => import('./pages/transactions.tsx'), 'Page'),
  }),
  createRoute({
    ...page,
    path: '/settings',
    component: lazyRouteComponent(() => import('./pages/settings.tsx'), 'Page'),
  }),
  createRoute({
    ...page,
    path: '/groups',
    validateSearch: liveSearch,
    component: lazyRouteComponent(() => import('./pages/groups.tsx'), 'Page'),
  }),
  createRoute({
    ...page,
    path: '/groups/$group',
    validateSearch: liveSearch,
    component: lazyRouteComponent(() => import('./pages/group.tsx'), 'Page'),
  }),
  createRoute({
    ...page,
    path: '/subscriptions',
    validateSearch: liveSearch,
    component: lazyRouteComponent(() => import('./pages/subscriptions.tsx'), 'Page'),
  }),
  createRoute({
    ...page,
    path: '/subscriptions/$group',
    validateSearch: liveSearch,
    component: lazyRouteComponent(() => import('./pages/subscription.tsx'), 'Page'),
  }),
]);

export const router = createRouter({
  routeTree,
  basepath: '/console',
  defaultErrorComponent: ({ error }) => <Problem error={error} />,
  defaultNotFoundComponent: () => <p>There is no such page.</p>,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
