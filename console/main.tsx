// The console's entry: it mounts the router into the page. Invariant: nothing here talks to a host but the one that served it.
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { connected } from './data/queries.ts';
import { queryClient } from './data/query-client.ts';
import { router } from './router.tsx';
import './style.css';

/** The first command lines name the service too. `rivulet console` may wait for credentials, and the page does not wait for those. */
const mostWaitMs = 500;
await Promise.race([queryClient.prefetchQuery(connected()), new Promise((resolve) => setTimeout(resolve, mostWaitMs))]);

const root = document.getElementById('root');
if (root)
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
