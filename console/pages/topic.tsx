// One topic: its tabs, and below them the page of the chosen one.
import { getRouteApi, Link, Outlet } from '@tanstack/react-router';
import { topicTabs } from '../navigation.ts';
import { PageHead } from '../parts/page.tsx';

const route = getRouteApi('/topics/$topic');

export function Page() {
  const params = route.useParams();
  return (
    <>
      <PageHead title={params.topic} />
      <nav className="tabs" aria-label="Topic">
        {topicTabs.map(({ to, label }) => (
          <Link key={to} to={to} params={params} activeOptions={{ exact: true, includeSearch: false }}>
            {label}
          </Link>
        ))}
      </nav>
      <Outlet />
    </>
  );
}
