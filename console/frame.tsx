// The frame around every page: the navigation, the choice between light and dark, and the place of the page itself.
import { Link, Outlet } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { navigation } from './navigation.ts';

export function Frame() {
  return (
    <>
      <a className="skip" href="#page">
        Skip to the page
      </a>
      <header className="bar">
        <Link to="/" className="brand">
          Rivulet
        </Link>
        <nav aria-label="Pages">
          {navigation.map(({ to, label }) => (
            <Link key={to} to={to} activeOptions={{ exact: to === '/' }}>
              {label}
            </Link>
          ))}
        </nav>
        <Theme />
      </header>
      <main id="page" tabIndex={-1}>
        <Outlet />
      </main>
    </>
  );
}

const themes = ['system', 'light', 'dark'] as const;
type Theme = (typeof themes)[number];
const stored = (): Theme => themes.find((one) => one === localStorage.getItem('theme')) ?? 'system';

function Theme() {
  const [theme, setTheme] = useState(stored);
  useEffect(() => {
    localStorage.setItem('theme', theme);
    document.documentElement.dataset.theme = theme;
  }, [theme]);
  return (
    <label className="theme">
      <span className="only-read">Colours</span>
      <select value={theme} onChange={(event) => setTheme(event.target.value as Theme)}>
        {themes.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
    </label>
  );
}
